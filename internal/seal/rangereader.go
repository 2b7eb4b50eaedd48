package seal

import (
	"fmt"
	"io"
)

// rangeReader opens a part of a document.
type rangeReader struct {
	src     io.ReadCloser
	cipher  *segmentCipher
	buf     *buffer
	used    int
	plain   []byte
	skip    int   // bytes of the first segment before the range
	left    int64 // bytes of the range not yet opened
	size    int64 // of the document
	segment int64
	total   int64
	err     error
}

// NewRangeReader opens length bytes from offset of the document of size bytes
// whose stream was made for the place c; a negative length means to its end, and
// a range is cut at the end. open is asked for pieces of the stream, by offset
// and length in stored bytes: the header, then the segments that the range
// touches, no more. Every byte that is released is verified to be those bytes of
// that stream; that the rest of the stream is whole only a full read can say.
//
// ErrArgument if offset is negative or behind the end. Errors of open and of its
// readers come back unchanged. Closing the reader closes what open returned.
func NewRangeReader(open func(offset, length int64) (io.ReadCloser, error), key Key, c Context, size, offset, length int64) (io.ReadCloser, error) {
	if err := checkStream(key, c, size); err != nil {
		return nil, err
	}
	if offset < 0 || offset > size {
		return nil, fmt.Errorf("%w: range outside the document", ErrArgument)
	}
	if length < 0 || length > size-offset {
		length = size - offset
	}
	s := &rangeReader{left: length, size: size, total: segments(PaddedSize(size))}
	if length == 0 {
		s.err = io.EOF
		return s, nil
	}
	// Stored, each segment is segmentSize long; as plaintext, fullPlain, with the
	// header taking a part of the first.
	first, last := (offset+headerSize)/fullPlain, (offset+length-1+headerSize)/fullPlain
	begin, end := first*segmentSize, min((last+1)*segmentSize, SealedSize(size))
	s.segment = first
	s.skip = int(offset + headerSize - first*fullPlain)

	header := make([]byte, headerSize)
	if first == 0 {
		s.skip -= headerSize
		src, err := open(0, end)
		if err != nil {
			return nil, err
		}
		if err := s.begin(src, key, c, header); err != nil {
			return nil, closeAfter(src, err)
		}
		s.src = src
		return s, nil
	}
	src, err := open(0, headerSize)
	if err != nil {
		return nil, err
	}
	if err := s.begin(src, key, c, header); err != nil {
		return nil, closeAfter(src, err)
	}
	if err := src.Close(); err != nil {
		return nil, err
	}
	s.src, err = open(begin, end-begin)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func closeAfter(c io.Closer, err error) error {
	_ = c.Close() // the first error is the one that says something
	return err
}

func (s *rangeReader) begin(src io.Reader, key Key, c Context, header []byte) error {
	if err := readFull(src, header); err != nil {
		return err
	}
	cipher, err := parseHeader(key, c, header)
	s.cipher = cipher
	return err
}

// Read releases verified bytes.
func (s *rangeReader) Read(p []byte) (int, error) {
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

// WriteTo writes the rest of the range to w, a segment at a time.
func (s *rangeReader) WriteTo(w io.Writer) (int64, error) {
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

func (s *rangeReader) next() error {
	if s.err != nil {
		return s.err
	}
	if s.left == 0 {
		return s.stop(io.EOF)
	}
	if s.buf == nil {
		s.buf = buffers.Get().(*buffer)
	}
	stored := SealedSize(s.size) - s.segment*segmentSize
	raw := s.buf[:min(stored, segmentSize)]
	if s.segment == 0 {
		raw = raw[headerSize:]
	}
	s.used = max(s.used, len(raw)+headerSize)
	if err := readFull(s.src, raw); err != nil {
		return s.stop(err)
	}
	plain, err := s.cipher.open(raw, s.segment, s.segment == s.total-1)
	if err != nil {
		return s.stop(fmt.Errorf("%w: segment %d", ErrOpen, s.segment))
	}
	s.segment++
	plain = plain[s.skip:]
	s.skip = 0
	s.plain = plain[:min(s.left, int64(len(plain)))]
	s.left -= int64(len(s.plain))
	return nil
}

// Close closes what open returned.
func (s *rangeReader) Close() error {
	if s.err != errStreamClosed {
		_ = s.stop(errStreamClosed)
	}
	if s.src == nil {
		return nil
	}
	src := s.src
	s.src = nil
	return src.Close()
}

func (s *rangeReader) stop(err error) error {
	s.err, s.plain = err, nil
	if s.buf != nil {
		s.buf.release(s.used)
		s.buf = nil
	}
	s.cipher = nil
	return err
}
