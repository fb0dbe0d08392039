// Package proxyproto reads the header of the PROXY protocol, versions 1 and 2,
// by which a load balancer tells a server whose connection it forwards.
//
// [Parse] is given what has been received so far. It recognises a header by its
// first bytes and reports [NotProxy] for anything else, since a header is
// optional; [NeedMore] until it is complete; and [Done] with the number of bytes
// that it has. It holds no state and reads nothing itself.
package proxyproto
