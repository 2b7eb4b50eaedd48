package preview

import (
	"bytes"
	"io"
	"math"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
)

// aScanFits is how far the shape of a picture may be from the shape of its page, as
// a part of it, to be a scan of the page and not a logo on it. A photo of 16:9 in the
// middle of a page of A4, as package photopdf lays it, is one.
const aScanFits = 0.25

// firstPage takes out the picture of which the first page of a PDF consists, and how
// it is to be turned. ErrNone if the page has none, several, or one of another shape
// than the page: then it is text.
func firstPage(paper []byte) (picture []byte, turned int, err error) {
	api.DisableConfigDir() // or it would write its settings into a home folder
	cfg := model.NewDefaultConfiguration()
	cfg.Cmd = model.EXTRACTIMAGES
	doc, err := api.ReadValidateAndOptimize(bytes.NewReader(paper), cfg)
	if err != nil {
		return nil, 0, errBroken
	}
	_, _, page, err := doc.PageDict(1, false)
	if err != nil || page == nil || page.MediaBox == nil {
		return nil, 0, errBroken
	}
	stubs, err := pdfcpu.ExtractPageImages(doc, 1, true)
	if err != nil {
		return nil, 0, errBroken
	}
	for _, stub := range stubs {
		switch {
		case len(stubs) != 1 || stub.Thumb || !fits(stub, page):
			return nil, 0, ErrNone
		case stub.Width > maxPixels/max(1, stub.Height):
			return nil, 0, errLarge
		}
	}
	images, err := pdfcpu.ExtractPageImages(doc, 1, false)
	if err != nil {
		return nil, 0, errBroken
	}
	for _, image := range images {
		if image.Reader == nil {
			return nil, 0, ErrNone
		}
		picture, err = io.ReadAll(image.Reader)
		return picture, quarters(page.Rotate), err
	}
	return nil, 0, ErrNone
}

// fits compares the shapes of a picture and of its page, before it is turned.
func fits(m model.Image, page *model.InheritedPageAttrs) bool {
	box := page.MediaBox
	if page.CropBox != nil {
		box = page.CropBox
	}
	if m.Width <= 0 || m.Height <= 0 || box.Width() <= 0 || box.Height() <= 0 {
		return false
	}
	off := (float64(m.Width) / float64(m.Height)) / (box.Width() / box.Height())
	return math.Abs(math.Log(off)) <= aScanFits
}

// quarters is a page's rotation, clockwise in degrees, as an orientation.
func quarters(degrees int) int {
	return [...]int{1, 6, 3, 8}[(degrees/90%4+4)%4]
}
