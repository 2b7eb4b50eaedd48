package seal

import (
	"fmt"
	"io"
)

// StreamReader opens one document. No byte leaves it before its segment is
// verified, and the bytes of the document's last segment not before the whole
// stream is: its length, its last segment, that the padding is zero and that
// nothing follows. A caller that counts bytes instead of waiting for io.EOF
// therefore cannot take a cut stream for a whole document (attacks A4, A12).
type StreamReader struct {
	r       io.Reader
	key     Key
	c       Context
	cipher  *segmentCipher // nil before the header was read
	buf     *buffer
	used    int    // bytes of buf that were used
	plain   []byte // verified, not yet released
	segment int64  // number of the next segment
	total   int64  // number of segments
	sealed  int64  // bytes of the stream not yet read
	left    int64  // bytes of the document not yet opened
	err     error
}

// NewStreamReader opens the stream on r that was made for the place c and holds
// a document of size bytes. It reads nothing yet. Errors that wrap ErrOpen mean
// tampering; errors of r come back unchanged. Both stay.
func NewStreamReader(r io.Reader, key Key, c Context, size int64) (*StreamReader, error) {
	if err := checkStream(key, c, size); err != nil {
		return nil, err
	}
	return &StreamReader{
		r: r, key: key, c: c,
		total: segments(PaddedSize(size)), sealed: SealedSize(size), left: size,
	}, nil
}

// Read releases verified bytes, and io.EOF when the document is complete.
func (s *StreamReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(s.plain) == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.plain)
	s.plain = s.plain[n:]
	return n, nil
}

// WriteTo writes the rest of the document to w, a segment at a time. It returns
// nil only if the document is complete.
func (s *StreamReader) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for {
		if len(s.plain) == 0 {
			if err := s.next(); err == io.EOF {
				return written, nil
			} else if err != nil {
				return written, err
			}
		}
		n := len(s.plain)
		if err := writeFull(w, s.plain); err != nil {
			return written, s.stop(err)
		}
		s.plain = nil
		written += int64(n)
	}
}

// Close gives the buffer back; the underlying reader stays open. It is needed
// only by who stops early, and does no harm after the end.
func (s *StreamReader) Close() error {
	if s.err == nil {
		_ = s.stop(errStreamClosed)
	}
	return nil
}

// next opens the next segment that holds bytes of the document into plain, or
// returns why there is none.
func (s *StreamReader) next() error {
	if s.err != nil {
		return s.err
	}
	if s.segment == s.total {
		return s.stop(io.EOF)
	}
	if s.buf == nil {
		s.buf = buffers.Get().(*buffer)
	}
	plain, err := s.open(s.buf)
	if err != nil {
		return s.stop(err)
	}
	if s.left == 0 {
		if err := s.verifyRest(); err != nil {
			return s.stop(err)
		}
	}
	if len(plain) == 0 { // an empty document
		return s.stop(io.EOF)
	}
	s.plain = plain
	return nil
}

// verifyRest opens what lies behind the segment with the document's end, while
// that segment waits: segments of padding, if there are any.
func (s *StreamReader) verifyRest() error {
	if s.segment == s.total {
		return nil
	}
	rest := buffers.Get().(*buffer)
	defer rest.release(0) // it held ciphertext and zeros
	for s.segment < s.total {
		if _, err := s.open(rest); err != nil {
			return err
		}
	}
	return nil
}

// open reads and opens one segment and returns what of it is document.
func (s *StreamReader) open(buf *buffer) ([]byte, error) {
	raw := buf[:min(s.sealed, segmentSize)]
	if buf == s.buf {
		s.used = max(s.used, len(raw))
	}
	if err := readFull(s.r, raw); err != nil {
		return nil, err
	}
	s.sealed -= int64(len(raw))
	if s.segment == 0 {
		cipher, err := parseHeader(s.key, s.c, raw[:headerSize])
		if err != nil {
			return nil, err
		}
		s.cipher, raw = cipher, raw[headerSize:]
	}
	last := s.segment == s.total-1
	plain, err := s.cipher.open(raw, s.segment, last)
	if err != nil {
		return nil, fmt.Errorf("%w: segment %d", ErrOpen, s.segment)
	}
	s.segment++
	n := min(s.left, int64(len(plain)))
	if !allZero(plain[n:]) {
		return nil, fmt.Errorf("%w: padding", ErrOpen)
	}
	s.left -= n
	if last {
		if err := readEnd(s.r); err != nil { // A4: appended bytes
			return nil, err
		}
	}
	return plain[:n], nil
}

// stop ends the stream with err, without releasing anything more.
func (s *StreamReader) stop(err error) error {
	s.err, s.plain = err, nil
	if s.buf != nil {
		s.buf.release(s.used)
		s.buf = nil
	}
	s.key, s.cipher = Key{}, nil
	return err
}
