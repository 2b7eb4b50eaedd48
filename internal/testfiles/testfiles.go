// Package testfiles holds the papers that tests put into a safe: small files in real formats, each made by a real program, and a
// generator of large ones. Only tests and benchmarks import it.
//
// make.sh makes every file again and says with which program; source/ holds what they are made from. All people, places and
// offices in them are fictional, and every page says that it is an example.
package testfiles

import (
	"bytes"
	"embed"
	"fmt"
)

//go:embed files
var files embed.FS

// File is one test document.
type File struct {
	Name      string // as a phone or an office would call it, with its extension
	MediaType string // what the content is, as detection should find it
	Pages     int    // of a PDF; 0 for a picture
	content   []byte
}

// Letter is one A4 page with French text, a table and embedded fonts, exported by LibreOffice.
func Letter() File { return read("letter.pdf", "application/pdf", 1) }

// Payment is one page of text that Ghostscript made from PostScript, in PDF 1.4.
func Payment() File { return read("payment.pdf", "application/pdf", 1) }

// ScanOf100Pages is what an office scanner stores: a hundred black and white pictures of pages (CCITT G4) in one PDF, without text.
func ScanOf100Pages() File { return read("scan-100-pages.pdf", "application/pdf", 100) }

// Photo is a paper photographed on a table. It is stored turned by a quarter with EXIF orientation 6, and carries a thumbnail and
// the place where it was taken (0.0005° N, 0.0005° E), as phones add them unasked.
func Photo() File { return read("photo.jpg", "image/jpeg", 0) }

// Appointment is a screenshot with transparency.
func Appointment() File { return read("appointment.png", "image/png", 0) }

// All is every embedded document.
func All() []File {
	return []File{Letter(), Payment(), ScanOf100Pages(), Photo(), Appointment()}
}

// Bytes is the content, the caller's own copy: no test can change it for another.
func (f File) Bytes() []byte { return bytes.Clone(f.content) }

// Size is the length of the content in bytes.
func (f File) Size() int64 { return int64(len(f.content)) }

// Open reads the content from its beginning.
func (f File) Open() *bytes.Reader { return bytes.NewReader(f.content) }

// read takes an embedded file. The names above are fixed at compile time together with the folder, so a missing one is a broken
// build of the tests and not an input.
func read(name, mediaType string, pages int) File {
	content, err := files.ReadFile("files/" + name)
	if err != nil {
		panic(fmt.Sprintf("testfiles: %v", err))
	}
	return File{Name: name, MediaType: mediaType, Pages: pages, content: content}
}
