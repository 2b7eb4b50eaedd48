package printing_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testfiles"
	"reconnect.example/refserver/printing"
)

// This test binary is the child, too.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == printing.Argument {
		os.Exit(printing.Child(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

func TestChosenPapersAreOnePDFInTheirOrder(t *testing.T) {
	t.Parallel()
	pdf, err := print(t, testfiles.Letter().Bytes(), testfiles.Photo().Bytes(), testfiles.Payment().Bytes(), testfiles.Appointment().Bytes(), moving(t))
	require.NoError(t, err)
	doc := opened(t, pdf)
	require.Equal(t, 5, doc.PageCount)
	_, _, photo, err := doc.PageDict(2, false)
	require.NoError(t, err)
	require.InDelta(t, 210, min(photo.MediaBox.Width(), photo.MediaBox.Height())*25.4/72, 0.1, "a photo is a page of A4")
	require.InDelta(t, 297, max(photo.MediaBox.Width(), photo.MediaBox.Height())*25.4/72, 0.1)
	require.Equal(t, 90, photo.Rotate, "and stands upright")
	require.True(t, bytes.Contains(testfiles.Photo().Bytes(), []byte("GPS")) || bytes.Contains(testfiles.Photo().Bytes(), []byte("\x88\x25")))
	for _, tag := range []string{"GPS", "\x88\x25\x00\x04"} { // GPSInfo of IFD0
		require.False(t, bytes.Contains(pdf, []byte(tag)), "without where it was taken")
	}
}

func TestALongScanGoesThroughWhole(t *testing.T) {
	t.Parallel()
	pdf, err := print(t, testfiles.ScanOf100Pages().Bytes(), testfiles.Letter().Bytes())
	require.NoError(t, err)
	require.Equal(t, 101, opened(t, pdf).PageCount)
}

// Offices send letters that anybody can open and only they can change: these are printed.
func TestALetterThatAsksForNoPasswordIsPrinted(t *testing.T) {
	t.Parallel()
	pdf, err := print(t, encrypted(t, testfiles.Letter().Bytes(), ""))
	require.NoError(t, err)
	was, err := pdfcpu.ExtractPageContent(opened(t, testfiles.Letter().Bytes()), 1)
	require.NoError(t, err)
	is, err := pdfcpu.ExtractPageContent(opened(t, pdf), 1)
	require.NoError(t, err)
	require.Equal(t, read(t, was), read(t, is))
	require.Nil(t, opened(t, pdf).Encrypt)
}

func TestTheSamePaperTwiceIsTwoPapers(t *testing.T) {
	t.Parallel()
	pdf, err := print(t, testfiles.Letter().Bytes(), testfiles.Letter().Bytes())
	require.NoError(t, err)
	require.Equal(t, 2, opened(t, pdf).PageCount)
}

// Whatever a PDF would do when it is opened, the print is ink.
func TestAPrintRunsNothingAndReachesNobody(t *testing.T) {
	t.Parallel()
	hostile := pdfOf(`/OpenAction << /S /JavaScript /JS (app.alert\(1\)) >> /AA << /WC << /S /JavaScript /JS (evil) >> >> /Names << /JavaScript << /Names [(a) << /S /JavaScript /JS (evil) >>] >> >>`,
		`/AA << /O << /S /URI /URI (http://evil.example/) >> >> /Annots [<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << /S /URI /URI (http://evil.example/) >> >>]`)
	pdf, err := print(t, hostile, testfiles.Letter().Bytes())
	require.NoError(t, err)
	doc := opened(t, pdf)
	require.Equal(t, 2, doc.PageCount)
	var plain bytes.Buffer // objects out of their streams
	doc.WriteObjectStream, doc.WriteXRefStream = false, false
	require.NoError(t, api.WriteContext(doc, &plain))
	require.Contains(t, plain.String(), "/Contents")
	for _, bad := range []string{"JavaScript", "evil", "OpenAction", "/AA", "/URI"} {
		require.NotContains(t, plain.String(), bad)
	}
}

func TestThePaperThatCannotBePrintedIsNamed(t *testing.T) {
	t.Parallel()
	good := testfiles.Letter().Bytes()
	for name, bad := range map[string]struct {
		paper []byte
		why   printing.Why
	}{
		"text":            {[]byte("Dear Sir"), printing.WhyKind},
		"nothing":         {nil, printing.WhyKind},
		"a page of HTML":  {[]byte("<html><script>alert(1)</script>"), printing.WhyKind},
		"half a PDF":      {[]byte("%PDF-1.7\n1 0 obj\n<<"), printing.WhyBroken},
		"a PDF of HTML":   {[]byte("%PDF-<html>"), printing.WhyBroken},
		"half a photo":    {testfiles.Photo().Bytes()[:100], printing.WhyBroken},
		"a PNG that lies": {huge(t), printing.WhyLarge},
		"a locked PDF":    {encrypted(t, good, "open"), printing.WhyLocked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := print(t, good, bad.paper, good)
			var refused *printing.Refusal
			require.ErrorAs(t, err, &refused)
			require.Equal(t, printing.Refusal{Paper: 1, Why: bad.why}, *refused)
		})
	}
}

func TestMoreThanOneJobTakesIsSaidBeforeAnythingIsOpened(t *testing.T) {
	t.Parallel()
	never := printing.Paper{Size: 1, Open: func() (io.ReadCloser, error) {
		t.Error("it was opened")
		return nil, errors.New("opened")
	}}
	p := printer(t, printing.Config{})
	many := make([]printing.Paper, printing.MaxPapers+1)
	for i := range many {
		many[i] = never
	}
	long := never
	long.Size = printing.MaxBytes
	for _, papers := range [][]printing.Paper{nil, many, {long, never}, {{Size: -1, Open: never.Open}}} {
		_, err := p.Print(t.Context(), papers)
		require.ErrorIs(t, err, printing.ErrTooMuch)
	}
}

func TestWhoReadsAPaperIsTold(t *testing.T) {
	t.Parallel()
	altered := errors.New("altered")
	p := printer(t, printing.Config{})
	good := testfiles.Letter().Bytes()
	for _, bad := range []printing.Paper{
		{Size: 3, Open: func() (io.ReadCloser, error) { return nil, altered }},
		{Size: 3, Open: func() (io.ReadCloser, error) { return io.NopCloser(iotest.ErrReader(altered)), nil }},
	} {
		_, err := p.Print(t.Context(), []printing.Paper{paper(good), bad, paper(good)})
		require.ErrorIs(t, err, altered)
	}
	for _, size := range []int64{int64(len(good)) - 1, int64(len(good)) + 1} {
		_, err := p.Print(t.Context(), []printing.Paper{{Size: size, Open: paper(good).Open}})
		require.Error(t, err)
		var refused *printing.Refusal
		require.NotErrorAs(t, err, &refused)
	}
}

func TestNoMoreIsKeptInMemoryThanAllowed(t *testing.T) {
	t.Parallel()
	p := printer(t, printing.Config{Kept: 1})
	job := []printing.Paper{paper(testfiles.Letter().Bytes())}
	made, err := p.Print(t.Context(), job)
	require.NoError(t, err)
	_, err = p.Print(t.Context(), job)
	require.ErrorIs(t, err, printing.ErrBusy)
	require.NoError(t, made.Close())
	require.NoError(t, made.Close(), "a second time does nothing")
	_, err = p.Print(t.Context(), []printing.Paper{paper(nil)})
	require.Error(t, err)
	made, err = p.Print(t.Context(), job)
	require.NoError(t, err, "what failed holds no place")
	require.NoError(t, made.Close())
}

func TestAChildThatHangsOrLiesIsNoPDF(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"hangs": "#!/bin/sh\nexec sleep 60\n", "dies": "#!/bin/sh\nprintf nn\nexit 3\n", "says nothing": "#!/bin/sh\nexit 0\n",
		"a PDF too early": "#!/bin/sh\nprintf 'nm%%PDF-'\n", "no PDF": "#!/bin/sh\ncat >/dev/null\nprintf 'nnnm<html>'\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(t.TempDir(), "child")
			require.NoError(t, os.WriteFile(program, []byte(script), 0o700)) //nolint:gosec // it is run
			p := printer(t, printing.Config{Program: program, Patience: 2 * time.Second})
			_, err := p.Print(t.Context(), []printing.Paper{paper([]byte("a")), paper([]byte("b"))})
			var refused *printing.Refusal
			require.ErrorAs(t, err, &refused)
			require.Equal(t, printing.WhyBroken, refused.Why)
		})
	}
}

func TestWhoGoesAwayWaitsForNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := printer(t, printing.Config{}).Print(ctx, []printing.Paper{paper(testfiles.Letter().Bytes())})
	require.ErrorIs(t, err, context.Canceled)
}

func TestConfigSaysEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := printing.New(printing.Config{AtOnce: -1, Kept: -1, Patience: -1})
	for _, word := range []string{"AtOnce", "Kept", "Patience"} {
		require.ErrorContains(t, err, word)
	}
}

func printer(t *testing.T, c printing.Config) *printing.Printer {
	t.Helper()
	p, err := printing.New(c)
	require.NoError(t, err)
	return p
}

func print(t *testing.T, papers ...[]byte) ([]byte, error) {
	t.Helper()
	var job []printing.Paper
	for _, p := range papers {
		job = append(job, paper(p))
	}
	made, err := printer(t, printing.Config{}).Print(t.Context(), job)
	if err != nil {
		return nil, err
	}
	pdf := bytes.Clone(made.PDF)
	require.NoError(t, made.Close())
	return pdf, nil
}

func paper(content []byte) printing.Paper {
	return printing.Paper{Size: int64(len(content)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

func opened(t *testing.T, pdf []byte) *model.Context {
	t.Helper()
	api.DisableConfigDir()
	doc, err := api.ReadAndValidate(bytes.NewReader(pdf), model.NewDefaultConfiguration())
	require.NoError(t, err)
	return doc
}

func read(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NotEmpty(t, b)
	return string(b)
}

// pdfOf is a PDF of one page, with more in its catalog and in its page.
func pdfOf(catalog, page string) []byte {
	var out strings.Builder
	out.WriteString("%PDF-1.7\n")
	var at []int
	for i, body := range []string{"<< /Type /Catalog /Pages 2 0 R " + catalog + " >>", "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] /Resources << >> /Contents 4 0 R " + page + " >>", "<< /Length 16 >>\nstream\n0 0 m 9 9 l S    \nendstream"} {
		at = append(at, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	table := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, n := range at {
		fmt.Fprintf(&out, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, table)
	return []byte(out.String())
}

func encrypted(t *testing.T, pdf []byte, password string) []byte {
	t.Helper()
	api.DisableConfigDir()
	var out bytes.Buffer
	require.NoError(t, api.Encrypt(bytes.NewReader(pdf), &out, model.NewAESConfiguration(password, "own", 256)))
	return out.Bytes()
}

// huge is a PNG that says it has more pixels than anybody should set memory aside for.
func huge(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, image.NewPaletted(image.Rect(0, 0, 8000, 7000), color.Palette{color.White})))
	return out.Bytes()
}

func moving(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, gif.Encode(&out, image.NewGray(image.Rect(0, 0, 30, 20)), nil))
	return out.Bytes()
}
