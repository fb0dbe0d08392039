// Package catalog is the list of what is stored on a node: its streams and consumers,
// by name, with the number under which their records are kept.
//
// # The life of an asset
//
//	id, err := c.Create(catalog.Asset{Kind: catalog.Stream, Account: "A", Name: "ORDERS", ...})
//	... the stream is made under that number, and used ...
//	err = c.Update(id, config)
//	err = c.Drop(id)           from now on it does not exist, nor do its consumers
//	... their files and records are deleted; after a crash, Dropped tells of what is left ...
//	err = c.Forget(id)         nothing of it is left
//
// A number is given once and never again, so what is left of an asset is never taken for
// another one's. What Create returned and nobody made is an asset without content.
//
// # What is durable when
//
// When a call has returned nil, its effect survives any power cut. When it has returned
// an error, nothing has changed, except that after a power cut the effect may turn out
// to be there. So the number of a failed Create is not given again either.
//
// # On the disk
//
// The list is the manifest of a heap (package heap) without chunks, in the directory
// catalog: edits with checksums, one behind the other, which are written anew as a whole
// when they have outgrown what they say. edit.go has their form.
//
// # Damage
//
// An edit that cannot be read may have said anything: that there is another stream, that
// one was dropped. So a catalog with damage is incomplete, and stays it. Recovery tells
// what is wrong; the readable rest is there and can be used, and new numbers begin far
// beyond all that can have been given. Before the list is written for the first time
// after that, the damaged file is copied to catalog.damaged-N beside the directory, as it
// is. MayDelete is what to ask before
// anything on the disk is deleted because it seems to belong to nobody: of an incomplete
// catalog, it never may.
//
// # Who may call what
//
// Any goroutine may call any method. What they return are copies.
//
// # What it never does
//
// It does not look into a configuration, does not touch the files of assets, and keeps
// no order between assets beyond that of their numbers.
package catalog
