// Package sharing says what accounts offer each other: exports, imports, and the
// rules that decide which import is allowed.
//
// Accounts are separate subject spaces. Account E lets others in with an
// [Export]: a stream, whose messages importers may receive, or a service, to
// which they may send requests. Account I makes use of it with an [Import], which
// gives the subject of E a local name in I:
//
//	stream   published in E on Subject  ->  delivered in I on Local
//	service  published in I on Local    ->  a request in E on Subject
//
// An import is allowed if an export of E has the same subject, or a wider one,
// and admits I ([Account.Authorize]). Allowed imports may not lead in a circle
// ([CheckCycle]). The search for a circle gives up, and the import is refused, when
// there is more to follow than honest configurations need.
//
// The package is pure: it holds descriptions, whether they came from a
// configuration file or from signed claims, and answers questions about them.
// What happens to a message is the business of package broker.
package sharing
