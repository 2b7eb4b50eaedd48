package testfiles_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testfiles"
)

func TestEveryTestDocumentIsWhatItSays(t *testing.T) {
	t.Parallel()
	for _, f := range testfiles.All() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, f.MediaType, http.DetectContentType(f.Bytes()))
			require.Equal(t, int64(len(f.Bytes())), f.Size())
			read, err := io.ReadAll(f.Open())
			require.NoError(t, err)
			require.Equal(t, f.Bytes(), read)
		})
	}
}

func TestNoTestCanChangeADocumentForAnother(t *testing.T) {
	t.Parallel()
	testfiles.Letter().Bytes()[0] = 'X'
	require.Equal(t, byte('%'), testfiles.Letter().Bytes()[0])
}

// Poppler did not make these files; what it reads, a person's reader will.
func TestPDFsAreAcceptedByAnotherProgram(t *testing.T) {
	t.Parallel()
	pdfinfo := program(t, "pdfinfo")
	for _, f := range testfiles.All() {
		if f.Pages == 0 {
			continue
		}
		info := run(t, pdfinfo, onDisk(t, f.Name, f.Open()))
		require.Regexp(t, fmt.Sprintf(`(?m)^Pages: +%d$`, f.Pages), info)
	}
	text := run(t, program(t, "pdftotext"), onDisk(t, "letter.pdf", testfiles.Letter().Open()), "-")
	require.Contains(t, text, "Je soussignée Éloïse MODÈLE")
}

func TestPicturesAreAcceptedByAnotherProgram(t *testing.T) {
	t.Parallel()
	identify := program(t, "identify")
	require.Contains(t, run(t, identify, onDisk(t, "photo.jpg", testfiles.Photo().Open())), "JPEG 1600x1200")
	require.Contains(t, run(t, identify, onDisk(t, "appointment.png", testfiles.Appointment().Open())), "PNG 320x200")
}

func TestThePhotoCarriesWhatPhonesAddUnasked(t *testing.T) {
	t.Parallel()
	tags := run(t, program(t, "exiftool"), "-n", "-s", onDisk(t, "photo.jpg", testfiles.Photo().Open()))
	require.Regexp(t, `(?m)^Orientation +: 6$`, tags)
	require.Regexp(t, `(?m)^GPSLatitude +: 0\.0005$`, tags)
	require.Regexp(t, `(?m)^ThumbnailImage +: `, tags)
}

func TestAScanHasExactlyTheSizeAsked(t *testing.T) {
	t.Parallel()
	const page = 1240 * 1754
	sizes := []int64{testfiles.SmallestScan, 3000, 5000, 100_000, 1 << 20, page, page + 1, page + 599, page + 1600, 2 * page, 10_000_000}
	for size := int64(testfiles.SmallestScan); size < 6_000; size += 7 {
		sizes = append(sizes, size)
	}
	for size := int64(page - 3000); size < page+page/5; size += 9973 {
		sizes = append(sizes, size)
	}
	for _, size := range sizes {
		n, err := io.Copy(io.Discard, testfiles.Scan(1, size))
		require.NoError(t, err)
		require.Equal(t, size, n)
	}
}

func TestAScanOf140MBTakesNoMemoryToSpeakOf(t *testing.T) { // not parallel: it counts what the whole process allocates
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, testfiles.Scan(7, 140_000_000), make([]byte, 32<<10))
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Equal(t, int64(140_000_000), n)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func TestScansAreTheSameOnEveryMachine(t *testing.T) {
	t.Parallel()
	digest := func(seed uint64, size int64) string {
		h := sha256.New()
		_, err := io.Copy(h, testfiles.Scan(seed, size))
		require.NoError(t, err)
		return hex.EncodeToString(h.Sum(nil))
	}
	require.Equal(t, "455abc57d02cf3043e01b3328ebe5e9fd7d82dcdc15b46544881e5f9ccbb71bf", digest(1, 10_000_000))
	require.NotEqual(t, digest(1, 100_000), digest(2, 100_000))
	require.NoError(t, iotest.TestReader(testfiles.Scan(3, 5000), read(t, testfiles.Scan(3, 5000))))
}

func TestAScanDoesNotCompress(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := io.Copy(w, testfiles.Scan(4, 3_000_000))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Greater(t, packed.Len(), 2_990_000)
}

func TestATooSmallScanIsRefused(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{-1, 0, testfiles.SmallestScan - 1} {
		n, err := io.Copy(io.Discard, testfiles.Scan(1, size))
		require.Error(t, err)
		require.Zero(t, n)
	}
}

// Rendering a page proves more than counting pages: the offsets lead to the pictures.
func TestAScanIsAcceptedByAnotherProgram(t *testing.T) {
	t.Parallel()
	pdfinfo, pdftoppm := program(t, "pdfinfo"), program(t, "pdftoppm")
	for size, pages := range map[int64]int{testfiles.SmallestScan: 1, 5000: 1, 1 << 20: 1, 10_000_000: 5} {
		path := onDisk(t, "scan.pdf", testfiles.Scan(5, size))
		info, err := exec.Command(pdfinfo, path).CombinedOutput()
		require.NoError(t, err)
		require.Regexp(t, fmt.Sprintf(`(?m)^Pages: +%d$`, pages), string(info))
		require.NotContains(t, string(info), "Error")
		picture, err := exec.Command(pdftoppm, "-r", "20", "-gray", "-f", fmt.Sprint(pages), path).CombinedOutput()
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(picture, []byte("P5")), "%.80q", picture)
	}
}

// program finds an independent program, or skips the test on a machine without it; where everything must run, its absence fails.
func program(t *testing.T, name string) string {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) && os.Getenv("RECONNECT_TEST_ALL") == "" {
		t.Skipf("%s is not on this machine", name)
	}
	require.NoError(t, err)
	return path
}

func run(t *testing.T, name string, arguments ...string) string {
	out, err := exec.Command(name, arguments...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.ReplaceAll(string(out), "\r\n", "\n")
}

func onDisk(t *testing.T, name string, r io.Reader) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, read(t, r), 0o600))
	return path
}

func read(t *testing.T, r io.Reader) []byte {
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	return content
}
