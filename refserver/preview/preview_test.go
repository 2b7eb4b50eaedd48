package preview_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testfiles"
	"reconnect.example/refserver/preview"
)

// This test binary is the child, too; or one that does what it must not.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == preview.Argument {
		os.Exit(preview.Child(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

func TestAPhotoIsFoundBySight(t *testing.T) {
	t.Parallel()
	for name, paper := range map[string][]byte{
		"jpeg": testfiles.Photo().Bytes(), "png": testfiles.Appointment().Bytes(), "scan": testfiles.ScanOf100Pages().Bytes(),
		"grey scan": read(t, testfiles.Scan(1, 2<<20)), "gif": moving(t, 300, 20), "noise": noise(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			small, err := maker(t).Make(t.Context(), bytes.NewReader(paper))
			require.NoError(t, err)
			require.LessOrEqual(t, len(small), preview.MaxBytes)
			size, err := jpeg.DecodeConfig(bytes.NewReader(small))
			require.NoError(t, err)
			require.LessOrEqual(t, max(size.Width, size.Height), preview.MaxSide)
			require.NotContains(t, string(small), "Exif")
		})
	}
}

// The corner that is red when it is looked at upright is so in the small picture.
func TestASmallPictureStandsUpright(t *testing.T) {
	t.Parallel()
	m := maker(t)
	for turned, corner := range map[byte]image.Point{1: {0, 0}, 2: {1, 0}, 3: {1, 1}, 4: {0, 1}, 5: {0, 0}, 6: {1, 0}, 7: {1, 1}, 8: {0, 1}} {
		small, err := m.Make(t.Context(), bytes.NewReader(cornered(t, turned)))
		require.NoError(t, err)
		got, err := jpeg.Decode(bytes.NewReader(small))
		require.NoError(t, err)
		w, h := got.Bounds().Dx(), got.Bounds().Dy()
		require.Equal(t, turned >= 5, h > w)
		r, g, _, _ := got.At(20+corner.X*(w-40), 20+corner.Y*(h-40)).RGBA()
		require.Greater(t, r, 2*g, "orientation %d", turned)
	}
}

func TestTextHasNoSmallPicture(t *testing.T) {
	t.Parallel()
	m := maker(t)
	for _, paper := range [][]byte{testfiles.Letter().Bytes(), testfiles.Payment().Bytes(), nil, []byte("a note"), []byte("<html><script>alert(1)</script>")} {
		_, err := m.Make(t.Context(), bytes.NewReader(paper))
		require.ErrorIs(t, err, preview.ErrNone)
	}
}

func TestWhatIsMadeToDoHarmIsRefused(t *testing.T) {
	t.Parallel()
	m := maker(t)
	photo, scan := testfiles.Photo().Bytes(), testfiles.ScanOf100Pages().Bytes()
	for name, paper := range map[string][]byte{
		"60,000 by 60,000":       pngOf(60000, 60000, nil),
		"more than numbers hold": pngOf(1<<31-1, 1<<31-1, nil),
		"a row that swells":      pngOf(40000000, 1, swollen(20)),
		"a truncated photo":      photo[:len(photo)/2],
		"a truncated picture":    testfiles.Appointment().Bytes()[:2000],
		"a truncated PDF":        scan[:len(scan)/2],
		"a PDF of nothing":       []byte("%PDF-1.7\n%%EOF"),
		"an HTML page in a PDF":  []byte("%PDF-1.7\n<html><script>alert(1)</script></html>"),
		"a PDF that swells":      pdfOf(swollen(200)),
		"a PDF with itself":      []byte(strings.ReplaceAll(string(pdfOf(nil)), "/Kids[3 0 R]", "/Kids[2 0 R]")),
		"a GIF of nothing":       []byte("GIF89a\xFF\xFF\xFF\xFF\x00\x00\x00;"),
		"a WebP of nothing":      []byte("RIFF\x00\x00\x00\x00WEBPVP8 "),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := m.Make(t.Context(), bytes.NewReader(paper))
			require.ErrorIs(t, err, preview.ErrRefused)
			require.NotContains(t, err.Error(), "html")
		})
	}
}

func TestATooLongPaperIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	endless := &counting{from: zeros{}}
	_, err := maker(t).Make(t.Context(), endless)
	require.ErrorIs(t, err, preview.ErrRefused)
	require.Less(t, endless.n, int64(preview.MaxSource+1<<20))
}

func TestWhoReadsThePaperIsTold(t *testing.T) {
	t.Parallel()
	ended := errors.New("the session ended")
	_, err := maker(t).Make(t.Context(), io.MultiReader(testfiles.Photo().Open(), iotest.ErrReader(ended)))
	require.ErrorIs(t, err, ended)
}

func TestAProgramThatHangsIsEnded(t *testing.T) {
	t.Parallel()
	m, err := preview.New(preview.Config{Program: script(t, "exec sleep 60"), Patience: 100 * time.Millisecond})
	require.NoError(t, err)
	began := time.Now()
	_, err = m.Make(t.Context(), zeros{})
	require.ErrorIs(t, err, preview.ErrRefused)
	require.Less(t, time.Since(began), 30*time.Second)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = maker(t).Make(ctx, testfiles.Photo().Open())
	require.ErrorIs(t, err, context.Canceled)
}

// Whoever took over the child cannot make it say what the pages would show.
func TestAChildIsNotBelieved(t *testing.T) {
	t.Parallel()
	for says, want := range map[string]error{
		`printf 'm<script>'`: preview.ErrRefused, `printf m`: preview.ErrRefused, `:`: preview.ErrRefused, `printf n; exit 1`: preview.ErrRefused,
		`printf n`: preview.ErrNone, `head -c 100000 /dev/zero`: preview.ErrRefused,
	} {
		m, err := preview.New(preview.Config{Program: script(t, says)})
		require.NoError(t, err)
		_, err = m.Make(t.Context(), strings.NewReader("x"))
		require.ErrorIs(t, err, want, says)
	}
}

func TestAChildHasNothingOfItsParents(t *testing.T) {
	t.Setenv("RECONNECT_SECRET", "secret")
	m, err := preview.New(preview.Config{Program: script(t, `[ -z "$RECONNECT_SECRET" ] && [ "$PWD" = / ] && printf n`)})
	require.NoError(t, err)
	_, err = m.Make(t.Context(), strings.NewReader("x"))
	require.ErrorIs(t, err, preview.ErrNone)
}

func TestConfigSaysEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := preview.New(preview.Config{AtOnce: -1, Patience: -1})
	require.ErrorContains(t, err, "AtOnce")
	require.ErrorContains(t, err, "Patience")
}

func maker(t *testing.T) *preview.Maker {
	t.Helper()
	m, err := preview.New(preview.Config{Patience: time.Minute}) // under the race detector, with others
	require.NoError(t, err)
	return m
}

func script(t *testing.T, what string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "child")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\nPATH=/usr/bin:/bin\n"+what+"\n"), 0o700))
	return path
}

func read(t *testing.T, r io.Reader) []byte {
	t.Helper()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return b
}

// moving is an animation.
func moving(t *testing.T, frames, side int) []byte {
	t.Helper()
	g := &gif.GIF{}
	for range frames {
		g.Image, g.Delay = append(g.Image, image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})), append(g.Delay, 1)
	}
	var b bytes.Buffer
	require.NoError(t, gif.EncodeAll(&b, g))
	return b.Bytes()
}

// noise is what compresses worst.
func noise(t *testing.T) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 320, 320))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = uint8(random.Uint32()) | 3
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

// cornered is white but for a red corner at its beginning, and says how to turn it.
func cornered(t *testing.T, turned byte) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 600, 300))
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	for i := range 100 * 100 {
		m.Set(i%100, i/100, color.RGBA{R: 200, A: 255})
	}
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, m, nil))
	exif := "\xFF\xE1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string([]byte{turned}) + "\x00\x00\x00\x00\x00\x00"
	return append([]byte("\xFF\xD8"+exif), b.Bytes()[2:]...)
}

func pngOf(width, height uint32, pixels []byte) []byte {
	b := []byte("\x89PNG\r\n\x1a\n")
	chunk := func(name string, body []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
		b = append(append(b, name...), body...)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[len(b)-len(body)-4:]))
	}
	chunk("IHDR", append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height), 16, 6, 0, 0, 0))
	chunk("IDAT", pixels)
	chunk("IEND", nil)
	return b
}

// swollen is so many zeros, in pieces of 16 MiB that are compressed once.
func swollen(pieces int) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	zeros := make([]byte, 16<<20)
	_, _ = w.Write(zeros)
	_ = w.Flush()
	first := b.Len()
	_, _ = w.Write(zeros)
	_ = w.Flush()
	piece := bytes.Clone(b.Bytes()[first:])
	for range pieces - 2 {
		b.Write(piece)
	}
	_ = w.Close()
	return b.Bytes()
}

// pdfOf is a scan whose picture is compressed twice.
func pdfOf(picture []byte) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	var at []int
	object := func(text string, stream []byte) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s", len(at), text)
		if stream != nil {
			fmt.Fprintf(&b, "stream\n%s\nendstream", stream)
		}
		b.WriteString("\nendobj\n")
	}
	content := []byte("595 0 0 842 0 0 cm /I Do")
	object("<</Type/Catalog/Pages 2 0 R>>", nil)
	object("<</Type/Pages/Count 1/Kids[3 0 R]>>", nil)
	object("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</XObject<</I 5 0 R>>>>>>", nil)
	object(fmt.Sprintf("<</Length %d>>", len(content)), content)
	object(fmt.Sprintf("<</Type/XObject/Subtype/Image/Width 595/Height 842/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode/Length %d>>", len(picture)), picture)
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, table)
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type counting struct {
	from io.Reader
	n    int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}
