// Package api holds the words of JetStream: the JSON of configurations, requests,
// answers and advisories, the errors, and the judgement whether a configuration can
// be. All of it is pure: no clock, no goroutine, no store, and what depends on the
// rest of the world is a parameter.
//
// # A request
//
// A request comes on a subject below "$JS.API". ParseSubject finds its Route: the
// Endpoint and the names in the subject; what the server does with a request before
// it knows more is a trait of the endpoint (AsksOnly, InAccount, SystemOnly,
// ClusterOnly). CheckLevel looks at the header, Decode, DecodeOptional,
// DecodeRequired or CheckEmpty at the body, depending on whether there has to be
// one. The answer begins with a Response, whose type is Endpoint.Type, or with one
// that has an Error.
//
// The order of these steps is seen by clients. It is: level, account, body, rules of
// the endpoint, stream, consumer; but CONSUMER.CREATE reads its body first of all,
// and CONSUMER.INFO makes sure that there is none.
//
// # Errors
//
// An Error has a code in the manner of HTTP, an ErrCode that says exactly what is
// wrong, and a text. All are in errors_table.go, as Err and a name; those whose text
// has parts that change are made by New and the name. Compare with errors.Is.
// Functions return the interface; what they return is an Error where that is said,
// and otherwise the cause for a function that makes one: NewStreamCreate(cause)
// returns a cause that is an Error as it is.
//
// # Configurations
//
// What a client sends is incomplete: 0 may mean a default, and a default may come
// from the server, the account, the stream or another stream. A World holds all
// that. CreateStream, RestoreStream, UpdateStream and PlaceConsumer judge a request
// in it and return the complete configuration, always a copy; what goes wrong is
// told one at a time, in an order that clients know. A complete configuration is
// one that the same functions leave as it is, so what a client reads can be sent
// back and changes nothing: metadata of servers (StampStream, PresentStream) do not
// count as a difference (SameStream).
//
// What they do not see: whether a stream of that name exists elsewhere in a
// cluster, whether somebody listens to a subject, the messages. Who calls them
// must keep the World still meanwhile.
//
// # Bounds
//
// A request has MaxRequestBytes at most, a subject MaxSubjectLength. Subjects of one
// stream, and of all streams of an account, are compared by a set of their tokens
// and not pair by pair, since a client decides how many there are.
//
// # What is elsewhere
//
// Which messages are taken and which are delivered is the business of packages
// stream and consumer. The request for a message (MSG.GET, direct gets) is a type of
// stream, next to its rules; the parsing of acknowledgements and of pull requests,
// which need no JSON, is in consumer.
package api
