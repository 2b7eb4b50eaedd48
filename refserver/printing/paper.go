package printing

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
	"golang.org/x/image/webp"

	"reconnect.example/internal/photopdf"
)

// maxPixels of a picture that has to be decoded: what today's phones make.
const maxPixels = 50_000_000

// quality of the JPEG that a picture of another kind becomes.
const quality = 90

var (
	errKind   = errors.New("printing: neither a photo nor a PDF")
	errLarge  = errors.New("printing: too large")
	errLocked = errors.New("printing: locked by a password")
	errBroken = errors.New("printing: broken")
)

// newJob begins with a PDF without pages, so that nothing of the first paper but its
// pages comes along.
func newJob() (*job, error) {
	empty, err := pdfcpu.CreateContextWithXRefTable(settings(), types.PaperSize["A4"])
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := api.WriteContext(empty, &out); err != nil {
		return nil, err
	}
	into, err := api.ReadAndValidate(bytes.NewReader(out.Bytes()), settings())
	return &job{into: into}, err
}

func settings() *model.Configuration {
	c := model.NewDefaultConfiguration()
	c.Cmd = model.VALIDATE // so one is read, too, that is encrypted under no password
	c.ValidationMode = model.ValidationRelaxed
	c.CreateBookmarks = false
	c.Offline = true
	return c
}

// add puts the pages of a paper behind those that are there.
func (j *job) add(paper []byte) error {
	if !bytes.HasPrefix(paper, []byte("%PDF-")) {
		var err error
		if paper, err = page(paper); err != nil {
			return err
		}
	}
	doc, err := api.ReadAndValidate(bytes.NewReader(paper), settings())
	switch {
	case errors.Is(err, pdfcpu.ErrWrongPassword):
		return errLocked
	case err != nil, doc.PageCount == 0:
		return errBroken
	}
	if j.pages += doc.PageCount; j.pages > MaxPages {
		return errLarge
	}
	if inkAlone(doc) != nil || pdfcpu.MergeXRefTables("", doc, j.into, false, false) != nil {
		return errBroken
	}
	return nil
}

// inkAlone takes out of a PDF what is not on its pages, and what does something.
func inkAlone(doc *model.Context) error {
	root, err := doc.Catalog()
	if err != nil {
		return err
	}
	for key := range root {
		switch key {
		case "Type", "Pages", "Version", "OCProperties": // the last says what is hidden on a page
		default:
			delete(root, key)
		}
	}
	doc.Form, doc.Outlines, doc.Names = nil, nil, map[string]*model.Node{}
	for n := 1; n <= doc.PageCount; n++ {
		page, _, _, err := doc.PageDict(n, false)
		if err != nil {
			return err
		}
		delete(page, "AA")
		delete(page, "B") // threads of articles
		if err := annotations(doc, page); err != nil {
			return err
		}
	}
	return nil
}

// annotations keeps those that leave ink: stamps, filled fields, remarks. Their actions
// go, and links and attached files with them.
func annotations(doc *model.Context, page types.Dict) error {
	all, err := doc.DereferenceArray(page["Annots"])
	if err != nil {
		return err
	}
	kept := types.Array{}
	for _, one := range all {
		d, err := doc.DereferenceDict(one)
		if err != nil {
			return err
		}
		kind := d.Subtype()
		if d == nil || kind == nil || *kind == "Link" || *kind == "FileAttachment" || *kind == "Movie" || *kind == "Sound" || *kind == "Screen" || *kind == "RichMedia" || *kind == "3D" || *kind == "Popup" {
			continue
		}
		for _, key := range []string{"A", "AA", "Popup", "Parent", "Kids"} {
			delete(d, key)
		}
		kept = append(kept, one)
	}
	if delete(page, "Annots"); len(kept) > 0 {
		page["Annots"] = kept
	}
	return nil
}

// page makes a PDF of a photo. A JPEG or PNG goes in as it is, without what it tells
// besides the picture; others are painted on white.
func page(paper []byte) ([]byte, error) {
	m, err := decode(paper)
	if err != nil {
		return nil, err
	}
	if m != nil {
		var out bytes.Buffer
		if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: quality}); err != nil { // more than 65,535 pixels a side
			return nil, errLarge
		}
		paper = out.Bytes()
	}
	photos := []io.Reader{bytes.NewReader(paper)}
	pdf, err := io.ReadAll(photopdf.NewReader(func() (io.Reader, error) {
		if len(photos) == 0 {
			return nil, io.EOF
		}
		next := photos[0]
		photos = photos[1:]
		return next, nil
	}, false))
	switch {
	case errors.Is(err, photopdf.ErrKind):
		return nil, errKind
	case errors.Is(err, photopdf.ErrLarge):
		return nil, errLarge
	case err != nil:
		return nil, errBroken
	}
	return pdf, nil
}

// decoders are tried by how a paper begins, never by what it is called. Of an animation
// only the first picture is decoded.
var decoders = []struct {
	begins string
	header func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}{
	{"GIF8", gif.DecodeConfig, gif.Decode},
	{"RIFF", webp.DecodeConfig, webp.Decode},
}

// decode paints a photo of a kind that no PDF can hold as it is. nil: it is none of those.
func decode(paper []byte) (image.Image, error) {
	for _, d := range decoders {
		if !bytes.HasPrefix(paper, []byte(d.begins)) {
			continue
		}
		// A few bytes can claim sixty thousand by sixty thousand: nothing is set aside for
		// pixels before they were counted.
		header, err := d.header(bytes.NewReader(paper))
		switch {
		case err != nil || header.Width <= 0 || header.Height <= 0:
			return nil, errBroken
		case header.Width > maxPixels/header.Height:
			return nil, errLarge
		}
		m, err := d.decode(bytes.NewReader(paper))
		if err != nil {
			return nil, errBroken
		}
		painted := image.NewRGBA(image.Rect(0, 0, m.Bounds().Dx(), m.Bounds().Dy()))
		draw.Draw(painted, painted.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
		draw.Draw(painted, painted.Bounds(), m, m.Bounds().Min, draw.Over)
		return painted, nil
	}
	return nil, nil
}
