package photopdf

import (
	"bufio"
	"bytes"
	"errors"
	"image/color"
	"image/jpeg"
	"io"

	"reconnect.example/internal/photo"
)

// headSize is where the size of a JPEG must have been said: behind colour profiles and
// the small picture that a camera puts before it.
const headSize = 256 << 10

// picture is a photo as a page needs it.
type picture struct {
	width, height int
	orientation   int    // as EXIF says: 1 to 8
	coded         string // colours and compression, in words of PDF
	body          io.Reader
}

func (p picture) rotate() int { return turns[p.orientation] }
func (p picture) mirrored() bool {
	return p.orientation%2 == 0 == (p.orientation < 5) && p.orientation > 1
}

// look finds out what a photo is, from its first bytes.
func look(source io.Reader, keep bool) (picture, error) {
	head := bufio.NewReaderSize(source, headSize)
	first, err := head.Peek(8)
	switch {
	case bytes.HasPrefix(first, []byte{0xFF, 0xD8, 0xFF}):
		return lookJPEG(head, keep)
	case string(first) == pngSignature:
		return lookPNG(head)
	case err != nil && err != io.EOF:
		return picture{}, err
	}
	return picture{}, ErrKind
}

func lookJPEG(source *bufio.Reader, keep bool) (picture, error) {
	first, err := source.Peek(headSize)
	if err != nil && err != io.EOF {
		return picture{}, err
	}
	size, err := jpeg.DecodeConfig(bytes.NewReader(first))
	if err != nil || size.Width <= 0 || size.Height <= 0 {
		if unsupported := jpeg.UnsupportedError(""); errors.As(err, &unsupported) {
			return picture{}, ErrKind
		}
		return picture{}, photo.ErrBroken
	}
	p := picture{width: size.Width, height: size.Height, orientation: turned(first), body: source}
	switch size.ColorModel {
	case color.GrayModel:
		p.coded = "/ColorSpace/DeviceGray"
	case color.CMYKModel: // programs store it upside down (Adobe Technical Note 5116)
		p.coded = "/ColorSpace/DeviceCMYK/Decode[1 0 1 0 1 0 1 0]"
	default:
		p.coded = "/ColorSpace/DeviceRGB"
	}
	p.coded += "/BitsPerComponent 8/Filter/DCTDecode"
	if keep {
		return p, nil
	}
	p.body, err = photo.NewStripper(source)
	return p, err
}

// turned is the orientation, which stands before the pixels.
func turned(first []byte) int {
	s, err := photo.NewStripper(bytes.NewReader(first))
	if err != nil {
		return 1
	}
	_, _ = io.Copy(io.Discard, s) // it ends in the middle of the pixels
	return s.Orientation()
}
