// Package photopdf writes photos as the pages of one PDF, while they come in: the
// pixels are not decoded, nothing is collected, and nothing touches a disk.
//
// A JPEG lies in the PDF as it is (ISO 32000-1, DCTDecode), and so do the compressed
// rows of a PNG (FlateDecode with PNG predictors); a PNG with transparency is painted
// on white row by row. Every page is A4 and lies as the photo does, upright as EXIF says.
// The file says nothing of when, where and with what it was made.
//
// It is a writer of our own because the library that reads PDFs here wants whole
// pictures in memory: a person without JavaScript sends ten of 12 MB.
package photopdf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"reconnect.example/internal/photo"
)

// MaxPages of one PDF.
const MaxPages = 100

var (
	// ErrKind says that a file is no photo that can be a page: JPEG and PNG can.
	ErrKind = errors.New("photopdf: this is no photo that can be a page")

	// ErrLarge says that a picture has too many pixels, or a PDF too many pages.
	ErrLarge = errors.New("photopdf: the picture is too large to be a page, or there are too many")
)

// PageError says which page could not be made. Nothing of the PDF is to be kept.
type PageError struct {
	Page int // from 1
	Err  error
}

// Error says which page, and why.
func (e *PageError) Error() string { return fmt.Sprintf("photopdf: page %d: %v", e.Page, e.Err) }

// Unwrap is why: ErrKind, ErrLarge, photo.ErrBroken, or an error of the source.
func (e *PageError) Unwrap() error { return e.Err }

// Reader is a PDF that is written as it is read. It holds less than 1 MiB.
type Reader struct {
	next func() (io.Reader, error)
	keep bool

	out     []byte
	body    io.Reader // of the page that is being written
	began   int64     // where its pixels began
	at      int64     // bytes written so far
	objects []int64   // where each begins; the first is object 1
	pages   int
	done    bool
	err     error
}

// NewReader returns a PDF of the photos that next returns, in their order, until it
// says io.EOF. Each is read to its end before the next is asked for. With keep, what
// the camera wrote into a JPEG stays in it.
//
// Errors of reading: *PageError; those of next as they are.
func NewReader(next func() (io.Reader, error), keep bool) *Reader {
	r := &Reader{next: next, keep: keep, objects: make([]int64, 2)}
	r.write("%PDF-1.4\n%\xE2\xE3\xCF\xD3\n") // the second line tells programs that the file is not text
	return r
}

// Read gives the next bytes of the PDF.
func (r *Reader) Read(p []byte) (int, error) {
	for {
		switch {
		case len(r.out) > 0:
			n := copy(p, r.out)
			r.out = r.out[n:]
			return n, nil
		case r.err != nil:
			return 0, r.err
		case r.done:
			return 0, io.EOF
		case r.body != nil:
			n, err := r.body.Read(p)
			r.at += int64(n)
			if err == io.EOF {
				r.endPage()
			} else if err != nil {
				r.err = &PageError{r.pages, err}
			}
			if n > 0 {
				return n, nil
			}
		default:
			r.err = r.beginPage()
		}
	}
}

func (r *Reader) write(text string) {
	r.out = append(r.out, text...)
	r.at += int64(len(text))
}

// object begins the next object, and returns its number.
func (r *Reader) object(text string) int {
	r.objects = append(r.objects, r.at)
	n := len(r.objects)
	r.write(strconv.Itoa(n) + " 0 obj\n" + text)
	return n
}

// beginPage writes a page up to its pixels, or the end of the file.
func (r *Reader) beginPage() error {
	source, err := r.next()
	if err == io.EOF && r.pages == 0 {
		return &PageError{1, ErrKind}
	}
	if err == io.EOF {
		r.end()
		return nil
	}
	if err != nil {
		return err
	}
	r.pages++
	if r.pages > MaxPages {
		return &PageError{r.pages, ErrLarge}
	}
	picture, err := look(source, r.keep)
	if err != nil {
		return &PageError{r.pages, err}
	}
	first := len(r.objects) + 1 // page, what is painted on it, the picture, how long that is
	width, height, matrix := fit(picture)
	r.object(fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 %s %s]/Rotate %d/Contents %d 0 R/Resources<</XObject<</P %d 0 R>>>>>>\nendobj\n",
		number(width), number(height), picture.rotate(), first+1, first+2))
	r.object(fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream\nendobj\n", len(matrix), matrix))
	r.object(fmt.Sprintf("<</Type/XObject/Subtype/Image/Width %d/Height %d%s/Length %d 0 R>>\nstream\n", picture.width, picture.height, picture.coded, first+3))
	r.began, r.body = r.at, picture.body
	return nil
}

func (r *Reader) endPage() {
	length := r.at - r.began
	r.body = nil
	r.write("\nendstream\nendobj\n")
	r.object(strconv.FormatInt(length, 10) + "\nendobj\n")
}

// end writes what a PDF ends with: the list of pages, and where everything is.
func (r *Reader) end() {
	r.done = true
	var kids bytes.Buffer
	for i := range r.pages {
		fmt.Fprintf(&kids, "%d 0 R ", 3+4*i)
	}
	r.objects[0] = r.at
	r.write("1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n")
	r.objects[1] = r.at
	r.write(fmt.Sprintf("2 0 obj\n<</Type/Pages/Count %d/Kids[%s]>>\nendobj\n", r.pages, bytes.TrimSpace(kids.Bytes())))
	table := r.at
	r.write(fmt.Sprintf("xref\n0 %d\n0000000000 65535 f \n", len(r.objects)+1))
	for _, at := range r.objects {
		r.write(fmt.Sprintf("%010d 00000 n \n", at))
	}
	r.write(fmt.Sprintf("trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(r.objects)+1, table))
}

// A4 in points (ISO 216), and the white around a photo: printers leave out what lies
// nearer to the edge than 5 mm.
const short, long, margin = 595.28, 841.89, 14.17

// fit is an A4 page that lies as the picture does, before it is turned, and how the
// picture is painted in its middle.
func fit(p picture) (width, height float64, matrix string) {
	width, height = short, long
	if p.width > p.height {
		width, height = long, short
	}
	scale := min((width-2*margin)/float64(p.width), (height-2*margin)/float64(p.height))
	w, h := scale*float64(p.width), scale*float64(p.height)
	x, y, across := (width-w)/2, (height-h)/2, w
	if p.mirrored() {
		x, across = x+w, -w
	}
	return width, height, fmt.Sprintf("q %s 0 0 %s %s %s cm /P Do Q", number(across), number(h), number(x), number(y))
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

// turns is how each orientation of EXIF is turned clockwise, after it was mirrored.
var turns = [...]int{1: 0, 2: 0, 3: 180, 4: 180, 5: 270, 6: 90, 7: 90, 8: 270}

// broken: an end within a picture is no end. Errors of the source stay.
func broken(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return photo.ErrBroken
	}
	return err
}
