// Package jetstream tests what clients store in a server and read from it again, through
// the public client library, across stops of the server.
package jetstream
