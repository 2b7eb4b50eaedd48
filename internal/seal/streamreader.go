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
	opened
	r       io.Reader
	key     Key
	c       Context
	cipher  *segmentCipher // nil before the header was read
	segment int64          // number of the next segment
	total   int64          // number of segments
	sealed  int64          // bytes of the stream not yet read
	left    int64          // bytes of the document not yet opened
}

// NewStreamReader opens the stream on r that was made for the place c and holds
// a document of size bytes. It reads nothing yet. size must come from a record
// that was opened: the stream itself knows only its size class. Errors that wrap
// ErrOpen mean tampering; errors of r come back unchanged. Both stay.
func NewStreamReader(r io.Reader, key Key, c Context, size int64) (*StreamReader, error) {
	return NewPaddedReader(r, key, c, size, PaddedSize(size))
}

// NewPaddedReader is [NewStreamReader] for a stream whose writer was told how long its
// plaintext is with its padding, see [StreamWriter.PadTo]. Both lengths come from a
// record that was opened.
func NewPaddedReader(r io.Reader, key Key, c Context, size, padded int64) (*StreamReader, error) {
	if err := checkStream(key, c, size, padded); err != nil {
		return nil, err
	}
	return &StreamReader{
		r: r, key: key, c: c,
		total: segments(padded), sealed: StreamSize(padded), left: size,
	}, nil
}

// Read releases verified bytes, and io.EOF when the document is complete.
func (s *StreamReader) Read(p []byte) (int, error) { return s.read(p, s.next) }

// WriteTo writes the rest of the document to w, a segment at a time. It returns
// nil only if the document is complete.
func (s *StreamReader) WriteTo(w io.Writer) (int64, error) { return s.writeTo(w, s.next) }

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
	s.used = max(s.used, int(min(s.sealed, fullPlain)))
	plain, err := s.open(s.take())
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
	defer rest.release(fullPlain) // a wrong size would have brought plaintext here
	for s.segment < s.total {
		if _, err := s.open(rest); err != nil {
			return err
		}
	}
	return nil
}

// open reads and opens one segment and returns what of it is document.
func (s *StreamReader) open(buf *buffer) ([]byte, error) {
	head := 0
	if s.segment == 0 {
		head = headerSize
	}
	n := min(s.sealed, segmentSize)
	if err := readFull(s.r, buf[lead-head:][:n]); err != nil {
		return nil, err
	}
	s.sealed -= n
	if head > 0 {
		cipher, err := parseHeader(s.key, s.c, buf[lead-head:lead])
		if err != nil {
			return nil, err
		}
		s.cipher = cipher
	}
	last := s.segment == s.total-1
	plain, err := s.cipher.open(buf[lead:][:int(n)-head], s.segment, last)
	if err != nil {
		return nil, fmt.Errorf("%w: segment %d", ErrOpen, s.segment)
	}
	s.segment++
	document := plain[:min(s.left, int64(len(plain)))]
	if !allZero(plain[len(document):]) {
		return nil, fmt.Errorf("%w: padding", ErrOpen)
	}
	s.left -= int64(len(document))
	if last {
		return document, readEnd(s.r) // A4: appended bytes
	}
	return document, nil
}
