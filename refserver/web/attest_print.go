package web

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"rsc.io/qr"

	"reconnect.example/refserver/printing"
	"reconnect.example/vault"
)

// Behind each paper of a print whose original a centre has seen comes the sheet that says
// so, with the code that a clerk scans: a copy without it would be believed or refused for
// its looks (N90). The sheet is a picture drawn here, of our own words and the centre's, and goes
// the way of every photo into the PDF.

// A sheet is A4 at 150 dots an inch.
const (
	sheetWide, sheetHigh = 1240, 1754
	sheetMargin          = 100
	sheetCode            = 760 // the side of the code at most, with its white
)

// sheetLine is a line of text, as wide as it comes.
type sheetLine struct {
	text string
	bold bool
	size float64 // of the letters, in dots
	gap  int     // above it
}

// seenPaper is the sheet to be printed behind a paper; false: nothing is attested of it.
func (v *visit) seenPaper(i vault.Item) (printing.Paper, bool, error) {
	a, err := v.attestedOf(i)
	if a == nil || err != nil {
		return printing.Paper{}, false, err
	}
	pens, err := newPens()
	if err != nil {
		return printing.Paper{}, false, err
	}
	address, code := v.seenCode(i)
	above, below := v.sheetLines(a, address)
	if !pens.write(above) || !pens.write(below) {
		// A script whose letters would have to be joined is not drawn here: the sheet is for
		// who checks, and is then in the language of the server.
		other := *v
		other.language = v.pages.languages[v.pages.chooser.Choose("")]
		if a, err = other.attestedOf(i); a == nil || err != nil {
			return printing.Paper{}, false, err
		}
		above, below = other.sheetLines(a, address)
	}
	sheet, err := pens.sheet(above, code, below)
	return printing.Paper{Size: int64(len(sheet)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(sheet)), nil }}, true, err
}

func (v *visit) sheetLines(a *attestView, address string) (above, below []sheetLine) {
	who := a.Kind
	if a.Worker != "" {
		who += " · " + a.Worker
	}
	who += " · " + v.t("attest.number") + " " + a.Number
	above = []sheetLine{
		{v.t("attest.on", a.Day, a.Relay), true, 44, 0}, {who, false, 32, 16},
		{v.t("attest.says", a.Day, a.Relay), false, 27, 24}, {v.t("attest.not"), true, 27, 16},
	}
	return above, []sheetLine{{v.t("attest.how"), false, 27, 16}, {address, true, 27, 8}, {v.t("paper.digest"), false, 24, 24}, {a.Digest, false, 24, 8}}
}

// pens write on a sheet.
type pens struct{ plain, bold *opentype.Font }

func newPens() (p pens, err error) {
	if p.plain, err = opentype.Parse(goregular.TTF); err == nil {
		p.bold, err = opentype.Parse(gobold.TTF)
	}
	return p, err
}

func (p pens) of(l sheetLine) *opentype.Font {
	if l.bold {
		return p.bold
	}
	return p.plain
}

// written is a text as it is drawn: spaces that hold words together have no letter.
func written(s string) string { return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(s) }

// write says whether there is a letter for everything.
func (p pens) write(lines []sheetLine) bool {
	for _, l := range lines {
		for _, r := range written(l.text) {
			if at, err := p.of(l).GlyphIndex(nil, r); err != nil || at == 0 {
				return false
			}
		}
	}
	return true
}

// sheet draws what stands above the code, the code, and what stands below it.
func (p pens) sheet(above []sheetLine, text string, below []sheetLine) ([]byte, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil, err
	}
	on := image.NewGray(image.Rect(0, 0, sheetWide, sheetHigh))
	draw.Draw(on, on.Rect, image.White, image.Point{}, draw.Src)
	y := sheetMargin
	if y, err = p.draw(on, above, y); err != nil {
		return nil, err
	}
	dot := sheetCode / (code.Size + 2*qrMargin)
	for row := range code.Size {
		for column := range code.Size {
			if code.Black(column, row) {
				x, y := sheetMargin+(column+qrMargin)*dot, y+(row+qrMargin)*dot
				draw.Draw(on, image.Rect(x, y, x+dot, y+dot), image.Black, image.Point{}, draw.Src)
			}
		}
	}
	if _, err = p.draw(on, below, y+dot*(code.Size+2*qrMargin)); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = png.Encode(&out, on)
	return out.Bytes(), err
}

// draw writes lines, broken where they are too long, and returns where they end.
func (p pens) draw(on *image.Gray, lines []sheetLine, y int) (int, error) {
	for _, l := range lines {
		face, err := opentype.NewFace(p.of(l), &opentype.FaceOptions{Size: l.size, DPI: 72, Hinting: font.HintingFull})
		if err != nil {
			return y, err
		}
		high := face.Metrics().Height.Ceil()
		y += l.gap
		for _, part := range broken(face, l.text, sheetWide-2*sheetMargin) {
			y += high
			pen := font.Drawer{Dst: on, Src: image.NewUniform(color.Black), Face: face, Dot: fixed.P(sheetMargin, y)}
			pen.DrawString(written(part))
		}
	}
	return y + sheetMargin/4, nil
}

// broken breaks a text where it is too long for its width: between words, or within one that
// is an address.
func broken(face font.Face, text string, width int) (lines []string) {
	line := ""
	fits := func(s string) bool { return font.MeasureString(face, written(s)).Ceil() <= width }
	for word := range strings.SplitSeq(text, " ") {
		if next := strings.TrimPrefix(line+" "+word, " "); fits(next) {
			line = next
			continue
		}
		if line != "" {
			lines, line = append(lines, line), ""
		}
		for _, r := range word {
			if line != "" && !fits(line+string(r)) {
				lines, line = append(lines, line), ""
			}
			line += string(r)
		}
	}
	return append(lines, line)
}
