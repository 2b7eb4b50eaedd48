package photo

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// ErrBroken says that the bytes begin like a photo and do not go on like one. What
// was read before it is a part of a picture, to be thrown away.
var ErrBroken = errors.New("photo: the picture is broken")

// Format is a format whose metadata a [Stripper] takes out.
type Format string

// The formats. Other is every other one, which passes unchanged.
const (
	Other Format = ""
	JPEG  Format = "jpeg"
	PNG   Format = "png"
	WebP  Format = "webp"
)

// Stripper reads a photo without its metadata. Out go EXIF (with the place), XMP,
// IPTC, comments, embedded small pictures, unknown blocks, and whatever follows the
// end of the picture; pixels, colour profile and orientation stay. It holds at most
// one block of 64 KiB.
type Stripper struct {
	src    *bufio.Reader
	format Format
	turned int    // as EXIF says: 1 to 8
	out    []byte // ready to be read
	pass   int64  // bytes of the source to pass on as they are
	step   func() error
	err    error

	webp webpPlace
}

// NewStripper looks at how r begins. Its error is that of r; no bytes at all are of
// the format Other.
func NewStripper(r io.Reader) (*Stripper, error) {
	s := &Stripper{src: bufio.NewReaderSize(r, 64<<10), turned: 1}
	head, err := s.src.Peek(12)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xFF, 0xD8, 0xFF}):
		s.format, s.step = JPEG, s.jpegStart
	case bytes.HasPrefix(head, []byte(pngSignature)):
		s.format, s.step = PNG, s.pngStart
	case len(head) == 12 && string(head[:4]) == "RIFF" && string(head[8:]) == "WEBP":
		s.format, s.step = WebP, s.webpStart
	default:
		s.step = s.unchanged
	}
	return s, nil
}

// Format is what the first bytes say. Of Other, nothing is taken out.
func (s *Stripper) Format() Format { return s.format }

// Orientation is how the picture is to be turned, 1 to 8 as EXIF 2.32 numbers it,
// once everything was read; 1, as it is, where nothing was said.
func (s *Stripper) Orientation() int { return s.turned }

// Read gives the photo without its metadata. ErrBroken where the structure of the
// format is violated or the photo ends too early; errors of the source as they are.
func (s *Stripper) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		switch {
		case len(s.out) > 0:
			n := copy(p, s.out)
			s.out = s.out[n:]
			return n, nil
		case s.err != nil:
			return 0, s.err
		case s.pass > 0:
			n, err := s.src.Read(p[:min(int64(len(p)), s.pass)])
			s.pass -= int64(n)
			if err != nil && s.pass > 0 {
				s.err = broken(err)
			}
			if n > 0 {
				return n, nil
			}
		default:
			s.err = s.step()
		}
	}
}

// unchanged passes on what there is.
func (s *Stripper) unchanged() error {
	s.out = make([]byte, 32<<10)
	n, err := s.src.Read(s.out)
	s.out = s.out[:n]
	return err
}

// take reads n bytes, at most what a block may have.
func (s *Stripper) take(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(s.src, b)
	return b, broken(err)
}

// skip leaves out n bytes.
func (s *Stripper) skip(n int64) error {
	_, err := io.CopyN(io.Discard, s.src, n)
	return broken(err)
}

func (s *Stripper) emit(pieces ...[]byte) {
	for _, p := range pieces {
		s.out = append(s.out, p...)
	}
}

// turn keeps the first orientation that is said.
func (s *Stripper) turn(tiff []byte) bool {
	if s.turned != 1 {
		return false
	}
	s.turned = orientation(tiff)
	return s.turned != 1
}

// end: the picture is whole.
func (s *Stripper) end() error { return io.EOF }

// broken: an end within a block is no end. Errors of the source stay.
func broken(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return ErrBroken
	}
	return err
}
