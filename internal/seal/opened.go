package seal

import "io"

// opened is the half that both readers of streams share: plaintext that was
// verified and waits to be read, in a pooled buffer, until an error ends it.
type opened struct {
	buf   *buffer
	used  int    // most bytes of plaintext that buf held
	plain []byte // verified, not yet released; a part of buf
	err   error  // what every further call answers
}

// take returns the buffer, from the pool if there is none yet.
func (o *opened) take() *buffer {
	if o.buf == nil {
		o.buf = buffers.Get().(*buffer)
	}
	return o.buf
}

// read is Read; next fills plain or says why not.
func (o *opened) read(p []byte, next func() error) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(o.plain) == 0 {
		if err := next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, o.plain)
	o.plain = o.plain[n:]
	return n, nil
}

// writeTo is WriteTo.
func (o *opened) writeTo(w io.Writer, next func() error) (int64, error) {
	var written int64
	for {
		if len(o.plain) == 0 {
			err := next()
			if err == io.EOF {
				return written, nil
			}
			if err != nil {
				return written, err
			}
		}
		if err := writeFull(w, o.plain); err != nil {
			return written, o.stop(err)
		}
		written += int64(len(o.plain))
		o.plain = nil
	}
}

// stop ends the reading with err. Nothing more is released, and no plaintext
// stays in the buffer.
func (o *opened) stop(err error) error {
	o.err, o.plain = err, nil
	if o.buf != nil {
		o.buf.release(o.used)
		o.buf = nil
	}
	return err
}
