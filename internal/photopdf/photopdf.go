// Package photopdf writes a PDF of photos: each becomes a page of A4, upright and as
// large as fits. The pixels stay as they are: a JPEG is put into the file byte for byte,
// and nothing is decoded but its header. The file names nobody and no time.
package photopdf

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"image/jpeg"
	"io"
	"strings"
)

// Size of a page and the white around a photo, in points of 1/72 inch: printers leave
// out what lies nearer to the edge.
const (
	shortSide = 595.28
	longSide  = 841.89
	margin    = 14.17 // 5 mm
)

// MaxPages is how many pages a [Writer] takes.
const MaxPages = 500

var (
	// ErrPhoto says that a photo is not a JPEG, or is one that a PDF cannot hold.
	ErrPhoto = errors.New("photopdf: this photo is not a JPEG that a page can be made of")

	// ErrPages says that there are more than MaxPages pages, or none.
	ErrPages = errors.New("photopdf: no pages, or too many")
)

// Page is one photo.
type Page struct {
	JPEG []byte

	// Orientation is how the photo is to be turned, as EXIF tag 274 says: 1 to 8; 0 is 1.
	// What the JPEG itself says of it is not looked at.
	Orientation int
}

// Write writes a whole PDF. See [Writer] for photos that are not in memory at once.
//
// Errors: ErrPhoto, ErrPages, and those of w, as they are.
func Write(w io.Writer, pages []Page) error {
	out := New(w)
	for i, p := range pages {
		if err := out.Add(p); err != nil {
			return fmt.Errorf("page %d: %w", i+1, err)
		}
	}
	return out.Close()
}

// Writer writes a PDF one page after the other, and holds no photo. It may be used by
// one goroutine at a time.
type Writer struct {
	w       io.Writer
	at      int64
	offsets []int64 // of each object, by its number
	pages   []int   // the numbers of their objects
	failed  error
}

// Objects 1 and 2 are what names the pages. They come last.
const (
	catalog = 1
	tree    = 2
)

// New returns a Writer to w, which owns nothing that must be closed but the PDF itself.
func New(w io.Writer) *Writer {
	out := &Writer{w: w, offsets: make([]int64, tree+1)}
	out.write([]byte("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")) // that it is no text
	return out
}

// Add writes a page. Of a photo that is refused (ErrPhoto), nothing was written.
func (o *Writer) Add(p Page) error {
	if o.failed != nil {
		return o.failed
	}
	if len(o.pages) == MaxPages {
		return ErrPages
	}
	header, err := jpeg.DecodeConfig(bytes.NewReader(p.JPEG))
	if err != nil || header.Width <= 0 || header.Height <= 0 || p.Orientation < 0 || p.Orientation > 8 {
		return ErrPhoto // the decoder's own words may quote the photo
	}
	var space string
	switch header.ColorModel {
	case color.GrayModel:
		space = "/DeviceGray"
	case color.YCbCrModel, color.RGBAModel:
		space = "/DeviceRGB"
	case color.CMYKModel: // as Adobe writes it: inverted
		space = "/DeviceCMYK /Decode [1 0 1 0 1 0 1 0]"
	default:
		return ErrPhoto
	}
	image := o.object(fmt.Sprintf("<< /Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 8 /ColorSpace %s /Filter /DCTDecode /Length %d >>\nstream\n", header.Width, header.Height, space, len(p.JPEG)),
		p.JPEG, []byte("\nendstream"))
	width, height, place := lay(float64(header.Width), float64(header.Height), mirrored(p.Orientation))
	drawing := o.object(fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(place), place))
	o.pages = append(o.pages, o.object(fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %.2f %.2f] /Rotate %d /Contents %d 0 R /Resources << /XObject << /P %d 0 R >> >> >>",
		tree, width, height, degrees(p.Orientation), drawing, image)))
	return o.failed
}

// lay says how large the page of a photo is before it is turned, and draws the photo in
// its middle. The page lies on its side if the photo does.
func lay(w, h float64, mirror bool) (width, height float64, place string) {
	width, height = shortSide, longSide
	if w > h {
		width, height = longSide, shortSide
	}
	by := min((width-2*margin)/w, (height-2*margin)/h)
	w, h = w*by, h*by
	left, bottom, wide := (width-w)/2, (height-h)/2, w
	if mirror {
		left, wide = left+w, -w
	}
	return width, height, fmt.Sprintf("q %.4f 0 0 %.4f %.4f %.4f cm /P Do Q", wide, h, left, bottom)
}

// mirrored and degrees take an orientation apart: first it is mirrored left to right,
// then turned clockwise.
func mirrored(orientation int) bool {
	switch orientation {
	case 2, 4, 5, 7:
		return true
	}
	return false
}

func degrees(orientation int) int {
	switch orientation {
	case 3, 4:
		return 180
	case 6, 7:
		return 90
	case 5, 8:
		return 270
	}
	return 0
}

// Close writes the end, without which the rest is no PDF. It closes nothing beneath.
func (o *Writer) Close() error {
	if o.failed != nil {
		return o.failed
	}
	if len(o.pages) == 0 {
		return ErrPages
	}
	var kids strings.Builder
	for _, n := range o.pages {
		fmt.Fprintf(&kids, "%d 0 R ", n)
	}
	o.numbered(tree, fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(o.pages), kids.String()))
	o.numbered(catalog, fmt.Sprintf("<< /Type /Catalog /Pages %d 0 R >>", tree))
	table := o.at
	o.write(fmt.Appendf(nil, "xref\n0 %d\n0000000000 65535 f \n", len(o.offsets)))
	for _, at := range o.offsets[1:] {
		o.write(fmt.Appendf(nil, "%010d 00000 n \n", at))
	}
	o.write(fmt.Appendf(nil, "trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(o.offsets), catalog, table))
	err := o.failed
	if err == nil {
		o.failed = errors.New("photopdf: written after Close")
	}
	return err
}

// object writes the next object and returns its number.
func (o *Writer) object(body string, more ...[]byte) int {
	o.offsets = append(o.offsets, 0)
	n := len(o.offsets) - 1
	o.numbered(n, body, more...)
	return n
}

func (o *Writer) numbered(n int, body string, more ...[]byte) {
	o.offsets[n] = o.at
	o.write(fmt.Appendf(nil, "%d 0 obj\n%s", n, body))
	for _, b := range more {
		o.write(b)
	}
	o.write([]byte("\nendobj\n"))
}

// write remembers the first failure, after which nothing more is written.
func (o *Writer) write(b []byte) {
	if o.failed != nil {
		return
	}
	n, err := o.w.Write(b)
	o.at += int64(n)
	o.failed = err
}
