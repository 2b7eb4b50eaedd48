package seal

import (
	"fmt"
	"io"
)

// rangeReader opens a part of a document.
type rangeReader struct {
	opened
	src     io.ReadCloser
	cipher  *segmentCipher
	skip    int   // bytes of the first segment before the range
	left    int64 // bytes of the range not yet opened
	segment int64 // number of the next segment
	total   int64 // number of segments
	sealed  int64 // bytes of the stream from the next segment on
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
	return NewPaddedRangeReader(open, key, c, size, PaddedSize(size), offset, length)
}

// NewPaddedRangeReader is to [NewRangeReader] what [NewPaddedReader] is to [NewStreamReader].
func NewPaddedRangeReader(open func(offset, length int64) (io.ReadCloser, error), key Key, c Context, size, padded, offset, length int64) (io.ReadCloser, error) {
	if err := checkStream(key, c, size, padded); err != nil {
		return nil, err
	}
	if offset < 0 || offset > size {
		return nil, fmt.Errorf("%w: range outside the document", ErrArgument)
	}
	if length < 0 || length > size-offset {
		length = size - offset
	}
	s := &rangeReader{left: length, total: segments(padded)}
	if length == 0 {
		s.err = io.EOF
		return s, nil
	}
	// Stored, each segment is segmentSize long; as plaintext fullPlain, of which
	// the header takes a part in the first.
	first, last := (offset+headerSize)/fullPlain, (offset+length-1+headerSize)/fullPlain
	begin, end := first*segmentSize, min((last+1)*segmentSize, StreamSize(padded))
	s.segment, s.sealed = first, StreamSize(padded)-begin
	s.skip = int(offset + headerSize - first*fullPlain)
	if first == 0 { // the header lies before the first segment
		s.skip -= headerSize
		s.sealed -= headerSize
		if err := s.begin(open, key, c, end); err != nil {
			return nil, err
		}
		return s, nil
	}
	if err := s.begin(open, key, c, headerSize); err != nil {
		return nil, err
	}
	if err := s.src.Close(); err != nil {
		return nil, err
	}
	src, err := open(begin, end-begin)
	if err != nil {
		return nil, err
	}
	s.src = src
	return s, nil
}

// begin opens the first length bytes of the stream and reads the header.
func (s *rangeReader) begin(open func(offset, length int64) (io.ReadCloser, error), key Key, c Context, length int64) error {
	src, err := open(0, length)
	if err != nil {
		return err
	}
	header := make([]byte, headerSize)
	if err = readFull(src, header); err == nil {
		s.cipher, err = parseHeader(key, c, header)
	}
	if err != nil {
		_ = src.Close() // the first error is the one that says something
		return err
	}
	s.src = src
	return nil
}

// Read releases verified bytes.
func (s *rangeReader) Read(p []byte) (int, error) { return s.read(p, s.next) }

// WriteTo writes the rest of the range to w, a segment at a time.
func (s *rangeReader) WriteTo(w io.Writer) (int64, error) { return s.writeTo(w, s.next) }

// Close closes what open returned and gives the buffer back.
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

// next opens the next segment and leaves what of it is in the range in plain.
func (s *rangeReader) next() error {
	if s.err != nil {
		return s.err
	}
	if s.left == 0 {
		return s.stop(io.EOF)
	}
	n := min(s.sealed, segmentSize)
	if s.segment == 0 {
		n = min(s.sealed, segmentSize-headerSize)
	}
	sealed := s.take()[lead:][:n]
	s.used = max(s.used, len(sealed))
	if err := readFull(s.src, sealed); err != nil {
		return s.stop(err)
	}
	plain, err := s.cipher.open(sealed, s.segment, s.segment == s.total-1)
	if err != nil {
		return s.stop(fmt.Errorf("%w: segment %d", ErrOpen, s.segment))
	}
	s.segment++
	s.sealed -= n
	plain = plain[s.skip:]
	s.skip = 0
	s.plain = plain[:min(s.left, int64(len(plain)))]
	s.left -= int64(len(s.plain))
	return nil
}
