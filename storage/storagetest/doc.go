// Package storagetest proves drivers of package storage, and helps to test what
// stands above them. Who brings a database of their own calls [Run] for records
// and [RunBlobs] for blobs from a test, and [RunKill] or [RunBlobsKill] if the
// driver is durable:
//
//	func TestContract(t *testing.T) {
//		storagetest.Run(t, storagetest.Harness{
//			Place: func(t testing.TB) func() (storage.Driver, error) {
//				path := filepath.Join(t.TempDir(), "records")
//				return func() (storage.Driver, error) { return mystore.Open(path) }
//			},
//		})
//	}
//
// [Faulty] is a store of records that fails when it is told to, to see what a
// program does when each of its calls fails in turn. [Malicious] is one whose
// host lies. [Recorder] looks for plaintext in all that reaches a store, and [Spoken]
// says each commit before it is made, so that a process can be killed at it.
//
// The suites are themselves tested against drivers that are broken on purpose,
// each in one way that real drivers are broken in.
package storagetest
