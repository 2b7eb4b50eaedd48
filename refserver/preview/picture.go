package preview

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/hhrutter/tiff"
	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"reconnect.example/internal/photo"
)

// maxPixels of a picture that is decoded: what today's phones make, at four to eight
// bytes each.
const maxPixels = 50_000_000

var (
	errLarge  = errors.New("preview: too many pixels")
	errBroken = errors.New("preview: broken")
)

// decoder decodes one format, after its header was looked at.
type decoder struct {
	begins string
	header func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// decoders are tried by how a paper begins, never by what it is called. Of an
// animation only the first picture is decoded.
var decoders = []decoder{
	{"\xFF\xD8\xFF", jpeg.DecodeConfig, jpeg.Decode},
	{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
	{"GIF8", gif.DecodeConfig, gif.Decode},
	{"RIFF", webp.DecodeConfig, webp.Decode},
}

// scanned is what a PDF has besides, once its picture was taken out.
var scanned = append(decoders[:len(decoders):len(decoders)],
	decoder{"II*\x00", tiff.DecodeConfig, tiff.Decode}, decoder{"MM\x00*", tiff.DecodeConfig, tiff.Decode})

// smallOf makes the small picture of a paper.
func smallOf(paper []byte) ([]byte, error) {
	if bytes.HasPrefix(paper, []byte("%PDF-")) {
		page, turned, err := firstPage(paper)
		if err != nil {
			return nil, err
		}
		return shrink(page, scanned, turned)
	}
	return shrink(paper, decoders, turnedBy(paper))
}

// turnedBy is how a photo is to be turned, as its EXIF says.
func turnedBy(paper []byte) int {
	s, err := photo.NewStripper(bytes.NewReader(paper))
	if err == nil {
		_, err = io.Copy(io.Discard, s)
	}
	if err != nil { // broken: what can be shown of it is shown as it lies
		return 1
	}
	return s.Orientation()
}

func shrink(picture []byte, by []decoder, turned int) ([]byte, error) {
	for _, d := range by {
		if !bytes.HasPrefix(picture, []byte(d.begins)) {
			continue
		}
		// A few bytes can claim sixty thousand by sixty thousand: nothing is set aside for
		// pixels before they were counted.
		header, err := d.header(bytes.NewReader(picture))
		switch {
		case err != nil || header.Width <= 0 || header.Height <= 0:
			return nil, errBroken
		case header.Width > maxPixels/header.Height:
			return nil, errLarge
		}
		large, err := d.decode(bytes.NewReader(picture))
		if err != nil {
			return nil, errBroken
		}
		return encode(large, turned)
	}
	return nil, ErrNone
}

// encode makes it smaller, and then worse, until it fits: paper with much on it at
// last has fewer pixels.
func encode(large image.Image, turned int) ([]byte, error) {
	large = coarse(large)
	for _, side := range []int{MaxSide, 200, 160, 80} {
		small := turn(scale(large, side), turned)
		for _, quality := range []int{75, 60, 45, 30} {
			var out bytes.Buffer
			if err := jpeg.Encode(&out, small, &jpeg.Options{Quality: quality}); err != nil {
				return nil, err
			}
			if out.Len() <= MaxBytes {
				return out.Bytes(), nil
			}
		}
		large, turned = small, 1
	}
	return nil, errBroken
}

// scale paints a picture on white, its longer side at most so long.
func scale(large image.Image, side int) *image.RGBA {
	w, h := large.Bounds().Dx(), large.Bounds().Dy()
	if longer := max(w, h); longer > side {
		w, h = max(1, w*side/longer), max(1, h*side/longer)
	}
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(small, small.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.BiLinear.Scale(small, small.Bounds(), large, large.Bounds(), draw.Over, nil)
	return small
}

// turn puts a picture upright. Orientations from 5 lie on their side; the even ones
// below, and the odd ones from there, are mirrored (EXIF 2.32, tag 274).
func turn(m *image.RGBA, orientation int) *image.RGBA {
	if orientation <= 1 || orientation > 8 {
		return m
	}
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if orientation >= 5 {
		out = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			to := [...]image.Point{
				2: {w - 1 - x, y}, 3: {w - 1 - x, h - 1 - y}, 4: {x, h - 1 - y},
				5: {y, x}, 6: {h - 1 - y, x}, 7: {h - 1 - y, w - 1 - x}, 8: {y, w - 1 - x},
			}[orientation]
			out.SetRGBA(to.X, to.Y, m.RGBAAt(x, y))
		}
	}
	return out
}
