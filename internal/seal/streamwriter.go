package seal

import (
	"crypto/rand"
	"fmt"
	"io"
)

// StreamWriter seals one document. It holds one pooled segment, whatever the
// length. What it wrote is a document only when Close has returned nil: anything
// else has no last segment and opens nowhere.
type StreamWriter struct {
	w       io.Writer
	cipher  *segmentCipher
	buf     *buffer
	head    int   // bytes of the header before this segment: all of it, or none
	n       int   // bytes of plaintext in the segment so far
	segment int64 // number of the segment
	size    int64 // bytes of the document so far
	padTo   int64 // bytes with the padding; 0: as PaddedSize says
	err     error // what every further call answers
	closed  bool
}

// NewStreamWriter begins a stream for the place c on w, under a key that has
// sealed nothing yet. Nothing is written before the first full segment or Close.
// Each write to w is a whole segment of 256 KiB, but the last.
func NewStreamWriter(w io.Writer, key Key, c Context) (*StreamWriter, error) {
	if err := checkStream(key, c, 0, 0); err != nil {
		return nil, err
	}
	s := &StreamWriter{w: w, buf: buffers.Get().(*buffer), head: headerSize}
	header := s.buf[lead-headerSize : lead]
	header[0] = headerSize
	_, _ = rand.Read(header[1:])
	cipher, err := parseHeader(key, c, header)
	if err != nil {
		return nil, err
	}
	s.cipher = cipher
	return s, nil
}

// Size returns how many bytes of the document were taken so far. After Close it
// is the document's length, which the reader must be told.
func (s *StreamWriter) Size() int64 { return s.size }

// room is how many bytes of plaintext the segment takes.
func (s *StreamWriter) room() int { return fullPlain - s.head }

// plain is the plaintext in the segment so far.
func (s *StreamWriter) plain() []byte { return s.buf[lead : lead+s.n] }

// free is what is left of the segment.
func (s *StreamWriter) free() []byte { return s.buf[lead+s.n : lead+s.room()] }

// Write takes more of the document. Whole segments are sealed straight from p.
// An error of the underlying writer comes back unchanged and ends the stream.
func (s *StreamWriter) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if int64(len(p)) > MaxStream-s.size {
		return 0, s.fail(fmt.Errorf("%w: document too long", ErrArgument))
	}
	s.size += int64(len(p))
	if err := s.add(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// add puts p into segments. A full segment waits until more comes, because only
// then it is known not to be the last.
func (s *StreamWriter) add(p []byte) error {
	for taken := 0; len(p) > 0; p = p[taken:] {
		if s.n == s.room() {
			if err := s.emit(s.plain(), false); err != nil {
				return err
			}
		}
		if s.n == 0 && len(p) > s.room() {
			taken = s.room()
			if err := s.emit(p[:taken], false); err != nil {
				return err
			}
			continue
		}
		taken = copy(s.free(), p)
		s.n += taken
	}
	return nil
}

// emit seals plain as the next segment into the buffer and writes it.
func (s *StreamWriter) emit(plain []byte, last bool) error {
	sealed := s.cipher.seal(s.buf[lead:lead], plain, s.segment, last)
	if err := writeFull(s.w, s.buf[lead-s.head:lead+len(sealed)]); err != nil {
		return s.fail(err)
	}
	s.head, s.n = 0, 0
	s.segment++
	return nil
}

// ReadFrom takes the rest of r, read straight into the segment. An error of r
// comes back unchanged and ends the stream: what was sealed of a source that
// failed must never be closed as if it were whole (attack A12).
func (s *StreamWriter) ReadFrom(r io.Reader) (int64, error) {
	if s.err != nil {
		return 0, s.err
	}
	before := s.size
	for {
		dst := s.free()
		full := len(dst) == 0
		if full { // look whether this is the last segment
			dst = s.buf[lead+segmentSize:]
		}
		n, err := readSome(r, dst)
		if int64(n) > MaxStream-s.size {
			return s.size - before, s.fail(fmt.Errorf("%w: document too long", ErrArgument))
		}
		s.size += int64(n)
		if !full {
			s.n += n
		} else if err := s.addNext(dst[:n]); err != nil {
			return s.size - before, err
		}
		if err == io.EOF {
			return s.size - before, nil
		}
		if err != nil {
			return s.size - before, s.fail(err)
		}
	}
}

// addNext is add for what was read behind a full segment; none of it stays there.
func (s *StreamWriter) addNext(p []byte) error {
	defer clear(p)
	return s.add(p)
}

// Close pads the document, seals the last segment and writes it. It does not
// close the underlying writer. After an error it writes nothing and returns that
// error. Further calls return what the first did.
func (s *StreamWriter) Close() error {
	if s.closed {
		return s.closeErr()
	}
	if s.err == nil {
		s.finish()
	}
	s.closed = true
	if s.err == nil {
		s.err = errStreamClosed
	}
	s.buf.release(s.n)
	s.buf, s.cipher = nil, nil
	return s.closeErr()
}

func (s *StreamWriter) closeErr() error {
	if s.err == errStreamClosed {
		return nil
	}
	return s.err
}

// PadTo says how long the plaintext shall be with its padding, which is otherwise as
// [PaddedSize] says: the parts of one document are padded together, so that its parts
// show no more of its length than one stream would. What is longer is refused by Close.
func (s *StreamWriter) PadTo(padded int64) { s.padTo = padded }

func (s *StreamWriter) finish() {
	padded := s.padTo
	if padded == 0 {
		padded = PaddedSize(s.size)
	}
	if padded < s.size || padded > MaxStream {
		_ = s.fail(fmt.Errorf("%w: longer than it shall be with its padding", ErrArgument))
		return
	}
	for pad := padded - s.size; pad > 0; {
		n := min(pad, int64(len(zeros)))
		if s.add(zeros[:n]) != nil {
			return
		}
		pad -= n
	}
	_ = s.emit(s.plain(), true) // s.err has it
}

func (s *StreamWriter) fail(err error) error {
	s.err = err
	return err
}
