package photopdf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"testing/iotest"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/photo"
	"reconnect.example/internal/photopdf"
)

// pdfOf is a PDF of these photos, read in pieces of any size.
func pdfOf(keep bool, photos ...[]byte) ([]byte, error) {
	next := func() (io.Reader, error) {
		if len(photos) == 0 {
			return nil, io.EOF
		}
		p := photos[0]
		photos = photos[1:]
		return iotest.HalfReader(bytes.NewReader(p)), nil
	}
	return io.ReadAll(iotest.HalfReader(photopdf.NewReader(next, keep)))
}

var (
	red, green, blue, black = color.RGBA{220, 0, 0, 255}, color.RGBA{0, 160, 0, 255}, color.RGBA{0, 0, 220, 255}, color.RGBA{0, 0, 0, 255}
	corners                 = []color.RGBA{red, green, blue, black} // of an upright picture, as it is read
)

// upright is a picture with a colour in each quarter.
func upright(w, h int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetRGBA(x, y, corners[min(1, 2*x/w)+2*min(1, 2*y/h)])
		}
	}
	return m
}

// lying is a picture as a camera stores it, so that an orientation puts it upright.
func lying(m *image.RGBA, orientation int) *image.RGBA {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	sw, sh := w, h
	if orientation >= 5 {
		sw, sh = h, w
	}
	out := image.NewRGBA(image.Rect(0, 0, sw, sh))
	for y := range sh {
		for x := range sw {
			at := [...]image.Point{
				1: {x, y}, 2: {w - 1 - x, y}, 3: {w - 1 - x, h - 1 - y}, 4: {x, h - 1 - y},
				5: {y, x}, 6: {w - 1 - y, x}, 7: {w - 1 - y, h - 1 - x}, 8: {y, h - 1 - x},
			}[orientation]
			out.SetRGBA(x, y, m.RGBAAt(at.X, at.Y))
		}
	}
	return out
}

func jpegOf(t *testing.T, m image.Image, orientation int) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, jpeg.Encode(&out, m, nil))
	exif := append([]byte("\xFF\xE1\x00\x00Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), byte(orientation), 0, 0, 0, 0, 0, 0)
	exif = append(exif, "a secret place"...)
	binary.BigEndian.PutUint16(exif[2:], uint16(len(exif)-2))
	return append(append(bytes.Clone(out.Bytes()[:2]), exif...), out.Bytes()[2:]...)
}

func pngOf(t *testing.T, m image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, m))
	return out.Bytes()
}

// program runs a program of poppler-utils.
func program(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("RECONNECT_TEST_ALL") == "1" {
			require.NoError(t, err, "Debian's package poppler-utils")
		}
		t.Skip("needs Debian's package poppler-utils")
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput() //nolint:gosec // a test
	require.NoError(t, err, string(out))
	return string(out)
}

// painted are the pages of a PDF as another program paints them.
func painted(t *testing.T, pdf []byte) (pages []image.Image, facts string) {
	t.Helper()
	folder := t.TempDir()
	file := filepath.Join(folder, "a.pdf")
	require.NoError(t, os.WriteFile(file, pdf, 0o600))
	facts = program(t, "pdfinfo", file)
	require.NotContains(t, facts, "Error")
	require.Empty(t, program(t, "pdftoppm", "-r", "36", "-png", file, filepath.Join(folder, "p")))
	files, err := filepath.Glob(filepath.Join(folder, "p*.png"))
	require.NoError(t, err)
	for _, name := range files {
		raw, err := os.ReadFile(name)
		require.NoError(t, err)
		m, err := png.Decode(bytes.NewReader(raw))
		require.NoError(t, err)
		pages = append(pages, m)
	}
	return pages, facts
}

// requireUpright looks at the middle of each quarter.
func requireUpright(t *testing.T, m image.Image, want []color.RGBA, msg string) {
	t.Helper()
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	for i, c := range want {
		r, g, b, _ := m.At(w/4+i%2*w/2, h/4+i/2*h/2).RGBA()
		got := []int{int(r >> 8), int(g >> 8), int(b >> 8)}
		for k, v := range []uint8{c.R, c.G, c.B} {
			require.InDelta(t, v, got[k], 12, "%s: quarter %d is %v", msg, i, got)
		}
	}
}

func TestPhotosAreUprightPagesInTheirOrder(t *testing.T) {
	t.Parallel()
	var photos [][]byte
	for orientation := 1; orientation <= 8; orientation++ {
		photos = append(photos, jpegOf(t, lying(upright(90, 120), orientation), orientation))
	}
	photos = append(photos, jpegOf(t, upright(160, 90), 1))
	out, err := pdfOf(false, photos...)
	require.NoError(t, err)
	require.NotContains(t, string(out), "secret place")
	pages, facts := painted(t, out)
	require.Len(t, pages, 9)
	require.Contains(t, facts, "595.28 x 841.89 pts (A4)")
	require.NotContains(t, facts, "Producer")
	require.NotContains(t, facts, "Date")
	for i, p := range pages {
		require.Equal(t, i == 8, p.Bounds().Dx() > p.Bounds().Dy(), "page %d lies", i+1)
		requireUpright(t, p, corners, "orientation "+strconv.Itoa(i+1))
	}
	kept, err := pdfOf(true, photos[0])
	require.NoError(t, err)
	require.Contains(t, string(kept), string(photos[0]), "to the byte")
}

func TestEveryKindOfPhotoIsAPage(t *testing.T) {
	t.Parallel()
	rgba := upright(60, 80)
	gray, palette := image.NewGray(rgba.Rect), image.NewPaletted(rgba.Rect, color.Palette{red, green, blue, black})
	deep, clear := image.NewNRGBA64(rgba.Rect), image.NewNRGBA(rgba.Rect)
	for y := range 80 {
		for x := range 60 {
			c := rgba.RGBAAt(x, y)
			gray.Set(x, y, c)
			palette.Set(x, y, c)
			half := color.NRGBA{c.R, c.G, c.B, 128}
			clear.SetNRGBA(x, y, half)
			deep.Set(x, y, half)
		}
	}
	var shades, pale []color.RGBA
	for _, c := range corners {
		y := color.GrayModel.Convert(c).(color.Gray).Y
		shades = append(shades, color.RGBA{y, y, y, 255})
		over := func(v uint8) uint8 { return uint8((int(v)*128 + 255*127) / 255) }
		pale = append(pale, color.RGBA{over(c.R), over(c.G), over(c.B), 255})
	}
	out, err := pdfOf(false, pngOf(t, rgba), pngOf(t, gray), pngOf(t, palette), pngOf(t, clear), pngOf(t, deep), jpegOf(t, gray, 1))
	require.NoError(t, err)
	pages, _ := painted(t, out)
	require.Len(t, pages, 6)
	for i, want := range [][]color.RGBA{corners, shades, corners, pale, pale, shades} {
		requireUpright(t, pages[i], want, "page "+strconv.Itoa(i+1))
	}
}

func TestWhatCannotBeAPageIsNamed(t *testing.T) {
	t.Parallel()
	good := jpegOf(t, upright(8, 8), 1)
	interlaced := pngOf(t, upright(8, 8))
	interlaced[28] = 1
	binary.BigEndian.PutUint32(interlaced[29:], crc32.ChecksumIEEE(interlaced[12:29]))
	flipped := pngOf(t, upright(8, 8))
	flipped[len(flipped)-20] ^= 1
	torn := image.NewNRGBA(image.Rect(0, 0, 8, 8)) // transparent
	for want, photos := range map[error][][]byte{
		photopdf.ErrKind:  {nil, []byte("%PDF-1.7"), []byte("<html>"), []byte("\x00\x00\x00\x18ftypheic"), interlaced},
		photo.ErrBroken:   {good[:30], good[:len(good)-9], pngOf(t, torn)[:60], flipped, []byte("\x89PNG\r\n\x1a\nxxxx"), []byte("\xFF\xD8\xFF\xE0")},
		photopdf.ErrLarge: {pngClaiming(60_000, 60_000)},
	} {
		for i, p := range photos {
			_, err := pdfOf(false, good, p)
			require.ErrorIs(t, err, want, "%v %d", want, i)
			var page *photopdf.PageError
			require.ErrorAs(t, err, &page)
			require.Equal(t, 2, page.Page)
		}
	}
	many := make([][]byte, photopdf.MaxPages+1)
	for i := range many {
		many[i] = good
	}
	_, err := pdfOf(false, many...)
	require.ErrorIs(t, err, photopdf.ErrLarge)
	cut := errors.New("the network")
	_, err = io.ReadAll(photopdf.NewReader(func() (io.Reader, error) {
		return io.MultiReader(bytes.NewReader(good[:len(good)/2]), iotest.ErrReader(cut)), nil
	}, false))
	require.ErrorIs(t, err, cut)
	_, err = io.ReadAll(photopdf.NewReader(func() (io.Reader, error) { return nil, cut }, false))
	require.ErrorIs(t, err, cut)
}

// pngClaiming is the header of a PNG with transparency, of so many pixels.
func pngClaiming(w, h uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0DIHDR")
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, w), h)
	b = append(b, 8, 6, 0, 0, 0)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[12:]))
}

func TestAnotherLibraryReadsThePages(t *testing.T) {
	t.Parallel()
	api.DisableConfigDir()
	for _, size := range []image.Point{{300, 400}, {400, 300}, {1, 5000}, {5000, 1}} {
		out, err := pdfOf(false, jpegOf(t, upright(size.X, size.Y), 1), pngOf(t, upright(size.X, size.Y)))
		require.NoError(t, err)
		doc, err := api.ReadValidateAndOptimize(bytes.NewReader(out), model.NewDefaultConfiguration())
		require.NoError(t, err)
		require.Equal(t, 2, doc.PageCount)
		_, _, page, err := doc.PageDict(1, false)
		require.NoError(t, err)
		require.Equal(t, size.X > size.Y, page.MediaBox.Width() > page.MediaBox.Height())
	}
	_, err := pdfOf(false)
	require.ErrorIs(t, err, photopdf.ErrKind, "no page is no PDF")
}

// Ten photos of 12 MB are sent by somebody without JavaScript: they go by.
func TestPagesAreNotCollected(t *testing.T) {
	t.Parallel()
	head := jpegOf(t, upright(64, 64), 1)
	pixels := head[:len(head)-2]
	const size = 64 << 20
	next, sent := false, 0
	r := photopdf.NewReader(func() (io.Reader, error) {
		if next {
			return nil, io.EOF
		}
		next = true
		return io.MultiReader(bytes.NewReader(pixels), io.LimitReader(readerFunc(func(p []byte) (int, error) { clear(p); sent += len(p); return len(p), nil }), size), bytes.NewReader([]byte{0xFF, 0xD9})), nil
	}, false)
	buf, got := make([]byte, 64<<10), 0
	for {
		n, err := r.Read(buf)
		got += n
		require.Less(t, sent-got, 1<<20, "what was read has gone on")
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
	}
	require.Greater(t, got, size)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func FuzzNoPhotoBreaksThePages(f *testing.F) {
	f.Add(pngClaiming(3, 3))
	f.Add([]byte("\xFF\xD8\xFF\xC0\x00\x0B\x08\x00\x01\x00\x01\x01\x01\x11\x00\xFF\xD9"))
	f.Fuzz(func(t *testing.T, p []byte) {
		out, err := pdfOf(false, p)
		if err == nil {
			require.True(t, bytes.HasPrefix(out, []byte("%PDF-1.4")) && bytes.HasSuffix(out, []byte("%%EOF\n")))
		}
	})
}
