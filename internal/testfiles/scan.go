package testfiles

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// SmallestScan is the least size, in bytes, that Scan can make.
const SmallestScan = 2048

// One A4 page at 150 dots per inch, eight bits of grey each.
const (
	pageWidth  = 1240
	pageHeight = 1754
)

// Scan reads a PDF of exactly size bytes, full of grey noise as a scanner makes it of crumpled paper, which nothing compresses: for
// uploads of 10 MB or 140 MB that no repository should carry. Equal seed and size give equal bytes on every machine. Memory stays
// small whatever the size. Reading fails when size is below SmallestScan.
func Scan(seed uint64, size int64) io.Reader {
	if size < SmallestScan {
		return failing{fmt.Errorf("testfiles: a scan of %d bytes: the least is %d", size, SmallestScan)}
	}
	pages := (size + pageWidth*pageHeight - 1) / (pageWidth * pageHeight)
	noise := size - lay(pages, 0, 0).length
	height := noise / (pages * pageWidth)
	return lay(pages, height, noise-height*pages*pageWidth).read(seed)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// scan is a PDF in pieces: text, and noise after it. A PDF ends with the offsets of its objects, so the pieces are laid out before the
// first byte is read.
type scan struct {
	pieces  []piece
	length  int64
	objects []int64 // offset of object i+1
}

type piece struct {
	text  string
	noise int64 // bytes of noise after the text
}

// lay puts together pages with one picture of the given height each. Numbers have a fixed width, so the length of the text depends on
// the number of pages only.
//
//	%PDF-1.4
//	1 catalog   2 list of pages   3 what every page draws
//	for each page: its object, its picture
//	one unused object, so that the size is exact
//	table of offsets, trailer
func lay(pages, height, filler int64) *scan {
	s := &scan{}
	s.write("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", 0)
	s.object("<</Type/Catalog/Pages 2 0 R>>\nendobj\n", 0)
	var kids strings.Builder
	for i := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", 4+2*i)
	}
	s.object(fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>\nendobj\n", pages, kids.String()), 0)
	const draw = "q 595 0 0 842 0 0 cm /Scan Do Q"
	s.object(fmt.Sprintf("<</Length %d>>stream\n%s\nendstream\nendobj\n", len(draw), draw), 0)
	for i := range pages {
		s.object(fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 3 0 R/Resources<</XObject<</Scan %d 0 R>>>>>>\nendobj\n", 5+2*i), 0)
		s.object(fmt.Sprintf("<</Type/XObject/Subtype/Image/Width %d/Height %010d/ColorSpace/DeviceGray/BitsPerComponent 8/Length %010d>>stream\n",
			pageWidth, height, pageWidth*height), pageWidth*height)
		s.write("\nendstream\nendobj\n", 0)
	}
	s.object(fmt.Sprintf("<</Length %010d>>stream\n", filler), filler)
	s.write("\nendstream\nendobj\n", 0)
	s.trailer()
	return s
}

func (s *scan) write(text string, noise int64) {
	s.pieces = append(s.pieces, piece{text, noise})
	s.length += int64(len(text)) + noise
}

// object begins the next numbered object.
func (s *scan) object(body string, noise int64) {
	s.objects = append(s.objects, s.length)
	s.write(fmt.Sprintf("%d 0 obj\n%s", len(s.objects), body), noise)
}

func (s *scan) trailer() {
	start := s.length
	var b strings.Builder
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(s.objects)+1)
	for _, offset := range s.objects {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%010d\n%%%%EOF\n", len(s.objects)+1, start)
	s.write(b.String(), 0)
}

func (s *scan) read(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	noise := rand.NewChaCha8(key) // fixed by its specification: the same bytes in every Go release
	var parts []io.Reader
	for _, p := range s.pieces {
		parts = append(parts, strings.NewReader(p.text), io.LimitReader(noise, p.noise))
	}
	return io.MultiReader(parts...)
}
