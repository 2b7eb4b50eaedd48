// Package storagetest proves drivers of package storage, and helps to test what
// stands above them. Who brings a database of their own calls [Run] for records
// and [RunBlobs] for blobs from a test, and [RunKill] if the driver is durable:
//
//	func TestContract(t *testing.T) {
//		storagetest.Run(t, storagetest.Harness{Open: func(t testing.TB) storage.Driver { ... }})
//	}
//
// The suites are themselves tested against drivers that are broken on purpose,
// each in one way that real drivers are broken in.
package storagetest
