package photopdf_test

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"math"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/photopdf"
	"reconnect.example/internal/testfiles"
)

func TestEveryPhotoIsAPageAndNotAByteOfItChanges(t *testing.T) {
	t.Parallel()
	photos := []photopdf.Page{
		{JPEG: testfiles.Photo().Bytes(), Orientation: 6}, {JPEG: photo(t, image.NewRGBA(image.Rect(0, 0, 40, 30)))}, {JPEG: photo(t, image.NewGray(image.Rect(0, 0, 30, 40))), Orientation: 1},
	}
	var out bytes.Buffer
	require.NoError(t, photopdf.Write(&out, photos))
	doc := opened(t, out.Bytes())
	require.Equal(t, len(photos), doc.PageCount)
	for i, p := range photos {
		require.Equal(t, 1, bytes.Count(out.Bytes(), p.JPEG), "photo %d is there, byte for byte", i)
		images, err := pdfcpu.ExtractPageImages(doc, i+1, false)
		require.NoError(t, err)
		require.Len(t, images, 1)
	}
}

// However a phone was held, the page is A4 and the photo stands on it.
func TestEveryOrientationStandsUprightOnA4(t *testing.T) {
	t.Parallel()
	lying := photo(t, image.NewRGBA(image.Rect(0, 0, 400, 300)))
	for orientation, turned := range []int{0, 0, 0, 180, 180, 270, 90, 90, 270} {
		var out bytes.Buffer
		require.NoError(t, photopdf.Write(&out, []photopdf.Page{{JPEG: lying, Orientation: orientation}}))
		_, _, page, err := opened(t, out.Bytes()).PageDict(1, false)
		require.NoError(t, err)
		require.Equal(t, turned, page.Rotate, "orientation %d", orientation)
		require.InDelta(t, 297.0/210, page.MediaBox.Width()/page.MediaBox.Height(), 0.001)
		require.InDelta(t, 297, page.MediaBox.Width()*25.4/72, 0.1, "millimetres")
	}
}

func TestThePageLiesAsThePhotoDoes(t *testing.T) {
	t.Parallel()
	for _, size := range []image.Point{{300, 400}, {400, 300}, {1, 5000}, {5000, 1}} {
		var out bytes.Buffer
		require.NoError(t, photopdf.Write(&out, []photopdf.Page{{JPEG: photo(t, image.NewGray(image.Rectangle{Max: size}))}}))
		_, _, page, err := opened(t, out.Bytes()).PageDict(1, false)
		require.NoError(t, err)
		require.Equal(t, size.X > size.Y, page.MediaBox.Width() > page.MediaBox.Height())
		require.InDelta(t, 297*210, page.MediaBox.Width()*page.MediaBox.Height()*math.Pow(25.4/72, 2), 50)
	}
}

func TestWhatIsNoPhotoIsRefusedAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	good := photo(t, image.NewGray(image.Rect(0, 0, 8, 8)))
	var out bytes.Buffer
	w := photopdf.New(&out)
	require.NoError(t, w.Add(photopdf.Page{JPEG: good}))
	before := out.Len()
	for _, bad := range []photopdf.Page{{}, {JPEG: []byte("%PDF-1.4")}, {JPEG: good[:20]}, {JPEG: testfiles.Appointment().Bytes()}, {JPEG: good, Orientation: 9}, {JPEG: good, Orientation: -1}} {
		require.ErrorIs(t, w.Add(bad), photopdf.ErrPhoto)
	}
	require.Equal(t, before, out.Len())
	require.NoError(t, w.Add(photopdf.Page{JPEG: good}))
	require.NoError(t, w.Close())
	require.Equal(t, 2, opened(t, out.Bytes()).PageCount)
	require.Error(t, w.Add(photopdf.Page{JPEG: good}), "it is closed")
}

func TestNoPageIsNoPDFAndTooManyAreRefused(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, photopdf.Write(io.Discard, nil), photopdf.ErrPages)
	good := photopdf.Page{JPEG: photo(t, image.NewGray(image.Rect(0, 0, 8, 8)))}
	w := photopdf.New(io.Discard)
	for range photopdf.MaxPages {
		require.NoError(t, w.Add(good))
	}
	require.ErrorIs(t, w.Add(good), photopdf.ErrPages)
}

func TestAWriterThatFailsIsSaid(t *testing.T) {
	t.Parallel()
	full := errors.New("full")
	good := photopdf.Page{JPEG: photo(t, image.NewGray(image.Rect(0, 0, 8, 8)))}
	var whole bytes.Buffer
	require.NoError(t, photopdf.Write(&whole, []photopdf.Page{good}))
	for room := range whole.Len() {
		require.ErrorIs(t, photopdf.Write(&short{room, full}, []photopdf.Page{good}), full)
	}
}

// short takes so many bytes and fails.
type short struct {
	left int
	err  error
}

func (s *short) Write(p []byte) (int, error) {
	n := min(len(p), s.left)
	s.left -= n
	if n < len(p) {
		return n, s.err
	}
	return n, nil
}

func opened(t *testing.T, pdf []byte) *model.Context {
	t.Helper()
	api.DisableConfigDir()
	doc, err := api.ReadValidateAndOptimize(bytes.NewReader(pdf), model.NewDefaultConfiguration())
	require.NoError(t, err)
	return doc
}

func photo(t *testing.T, m image.Image) []byte {
	t.Helper()
	if rgba, ok := m.(*image.RGBA); ok { // its first corner differs, so that a turn is seen
		for x := range rgba.Bounds().Dx() / 2 {
			rgba.Set(x, 0, color.White)
		}
	}
	var out bytes.Buffer
	require.NoError(t, jpeg.Encode(&out, m, nil))
	return out.Bytes()
}
