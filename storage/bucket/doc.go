// Package bucket keeps blobs in a bucket of a cloud: an object for each blob, in
// S3, Google Cloud Storage, Azure Blob Storage or what speaks the language of
// one of them, through [gocloud.dev/blob]. What Close of a writer acknowledged is
// as durable as the service makes an object. Several processes may use one
// bucket, or parts of it under different prefixes, at once.
//
// # Opening
//
// Import what your cloud needs and nothing else; this package itself imports no
// client of any cloud, since one weighs more than all the rest of the module:
//
//	import _ "reconnect.example/storage/bucket/s3bucket" // "s3": see there
//
//	import _ "reconnect.example/storage/bucket" // "gs" and "azblob", with gocloud's driver:
//	import _ "gocloud.dev/blob/gcsblob"         // "gs"
//	import _ "gocloud.dev/blob/azureblob"       // "azblob"
//
//	blobs, err := storage.OpenBlobs(ctx, "s3://vault?region=eu-west-3&prefix=blobs/")
//
// or open a bucket with gocloud as you like and give it to [New]. S3 is run
// against two servers by the tests of this module; the other two clouds are not.
// A folder ("file") is refused: gocloud never tells the disk to keep it; use
// package filestore.
//
// # The bucket
//
//	.reconnect    a line of text, written when the store is first opened
//	0f3a/b/91…    a blob, called like it
//	~5e88…        a blob whose name is over 128 bytes: the SHA-256 of the name
//
// all of them below the prefix, if there is one. An object has the metadatum
// "writer", random, by which its writer knows it again, and nothing else that
// tells of its contents. The marker .reconnect shows that the bucket is the right
// one: a name that is not found is only believed to be free while it is there.
// Objects that were copied from another bucket, without metadata, are blobs too.
//
// # A write
//
// Names are immutable: every upload says "only if there is none" (If-None-Match
// and the like), and opening proves that the service heeds this. The context of
// an upload is cancelled before anything can take its bytes for complete. When an
// upload has ended the object is looked at: if it carries the mark of this writer
// and the right length, Close answers nil, whatever the answer was; if that of
// another, ErrExists.
//
// If neither answer nor object came, Close says ErrUnknown. The request may then
// still be under way in the cloud, and a Delete at once may come before it. So
// delete such a blob again later, as a sweeper of expired reservations does.
//
// # Calls
//
//	opening the store     5, the first time 7 (S3)
//	upload below 5 MiB    2: the object, a look at it
//	longer upload         3, and one for each 5 MiB
//	download, or a range  2: the length, the bytes
//	length                1, deletion 2
//	what is not there     1 more, for the marker
//
// The client of the cloud tries a call again, up to three times for S3, with some
// seconds between. There is no other timeout than that of the caller's context,
// so give it one.
//
// # Making a bucket
//
// In short: private; no versions; a lifecycle rule that removes incomplete
// uploads after a day; a policy that allows these credentials to read, write,
// delete and list, and nobody anything else. See docs/drivers.md, whose policy a
// test applies. Encryption by the cloud is not needed, since blobs come sealed,
// and does no harm.
package bucket
