package storagetest

import (
	"context"
	"io"

	"reconnect.example/storage"
)

// The calls to a [storage.Blobs] and its writers and readers that [Faulty]
// counts. Abort, and Close of a reader or store, are not counted.
const (
	CreateBlob Op = "create blob"
	WriteBlob  Op = "write blob"
	CloseBlob  Op = "close blob"
	OpenBlob   Op = "open blob"
	ReadBlob   Op = "read blob"
	SizeBlob   Op = "size of blob"
	DeleteBlob Op = "delete blob"
)

// Blobs passes calls on to a store of blobs and makes chosen ones fail. They are
// counted together with those of the driver, so that every storage call of an
// operation that uses both can be failed in turn. Where there are only blobs,
// NewFaulty may be given nil for the driver.
//
// The contract is kept around the fault: a writer whose Write failed, or whose
// Close failed before it was performed, leaves nothing behind and stays failed;
// what an After fault of Create or Open had made is thrown away. A Close that
// fails After has kept the blob, which a store may only call ErrUnknown.
func (f *Faulty) Blobs(b storage.Blobs) storage.Blobs {
	return faultyBlobs{f, b}
}

type faultyBlobs struct {
	faults *Faulty
	blobs  storage.Blobs
}

func (b faultyBlobs) Create(ctx context.Context, name string, size int64) (storage.BlobWriter, error) {
	var w storage.BlobWriter
	err := b.faults.call(CreateBlob, func() (err error) {
		w, err = b.blobs.Create(ctx, name, size)
		return err
	})
	if err != nil {
		if w != nil {
			w.Abort()
		}
		return nil, err
	}
	return &faultyWriter{faults: b.faults, writer: w}, nil
}

func (b faultyBlobs) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	var r io.ReadCloser
	err := b.faults.call(OpenBlob, func() (err error) {
		r, err = b.blobs.Open(ctx, name, offset, length)
		return err
	})
	if err != nil {
		if r != nil {
			_ = r.Close()
		}
		return nil, err
	}
	return &faultyReader{faults: b.faults, ReadCloser: r}, nil
}

func (b faultyBlobs) Size(ctx context.Context, name string) (size int64, err error) {
	err = b.faults.call(SizeBlob, func() (err error) {
		size, err = b.blobs.Size(ctx, name)
		return err
	})
	if err != nil {
		return 0, err
	}
	return size, nil
}

func (b faultyBlobs) Delete(ctx context.Context, name string) error {
	return b.faults.call(DeleteBlob, func() error { return b.blobs.Delete(ctx, name) })
}

func (b faultyBlobs) Close() error { return b.blobs.Close() }

type faultyWriter struct {
	faults *Faulty
	writer storage.BlobWriter
	failed error
}

func (w *faultyWriter) Write(p []byte) (n int, err error) {
	if w.failed != nil {
		return 0, w.failed
	}
	err = w.faults.call(WriteBlob, func() (err error) {
		n, err = w.writer.Write(p)
		return err
	})
	if err != nil {
		w.failed = err
		w.writer.Abort()
	}
	return n, err
}

func (w *faultyWriter) Close() error {
	if w.failed != nil {
		return w.failed
	}
	err := w.faults.call(CloseBlob, w.writer.Close)
	if err != nil {
		w.failed = err
		w.writer.Abort() // does nothing if the call was performed
	}
	return err
}

func (w *faultyWriter) Abort() { w.writer.Abort() }

type faultyReader struct {
	io.ReadCloser
	faults *Faulty
	failed error
}

func (r *faultyReader) Read(p []byte) (n int, err error) {
	if r.failed != nil {
		return 0, r.failed
	}
	err = r.faults.call(ReadBlob, func() (err error) {
		n, err = r.ReadCloser.Read(p)
		return err
	})
	if err != nil {
		r.failed = err
	}
	return n, err
}
