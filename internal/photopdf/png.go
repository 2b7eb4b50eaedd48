package photopdf

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"reconnect.example/internal/photo"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// maxPixels of a PNG: a few bytes can claim sixty thousand by sixty thousand, and be
// gigabytes when they are painted (PNG, third edition, chapter 13.4).
const maxPixels = 50_000_000

// channels of a PNG by its colour type.
var channels = map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}

func lookPNG(source *bufio.Reader) (picture, error) {
	c := &chunks{from: source}
	if _, err := source.Discard(len(pngSignature)); err != nil {
		return picture{}, broken(err)
	}
	name, header, err := c.small()
	if err != nil || name != "IHDR" || len(header) != 13 {
		return picture{}, orBroken(err)
	}
	w, h := binary.BigEndian.Uint32(header), binary.BigEndian.Uint32(header[4:])
	depth, kind := int(header[8]), header[9]
	n := channels[kind]
	switch {
	case w == 0 || h == 0 || n == 0 || header[10] != 0 || header[11] != 0:
		return picture{}, photo.ErrBroken
	case w > maxPixels || h > maxPixels/w:
		return picture{}, ErrLarge
	case header[12] != 0: // its rows come in seven goes
		return picture{}, ErrKind
	}
	palette, err := c.untilPixels()
	if err != nil {
		return picture{}, err
	}
	p := picture{width: int(w), height: int(h), orientation: 1, body: c}
	space := "/DeviceGray"
	switch {
	case kind == 3 && (len(palette) == 0 || len(palette) > 768 || len(palette)%3 != 0):
		return picture{}, photo.ErrBroken
	case kind == 3:
		space = fmt.Sprintf("[/Indexed/DeviceRGB %d<%s>]", len(palette)/3-1, hex.EncodeToString(palette))
	case n >= 3:
		space = "/DeviceRGB"
	}
	if kind < 4 {
		p.coded = fmt.Sprintf("/ColorSpace%s/BitsPerComponent %d/Filter/FlateDecode/DecodeParms<</Predictor 15/Colors %d/BitsPerComponent %d/Columns %d>>", space, depth, n, depth, w)
		return p, nil
	}
	if depth != 8 && depth != 16 {
		return picture{}, photo.ErrBroken
	}
	p.coded = fmt.Sprintf("/ColorSpace%s/BitsPerComponent 8/Filter/FlateDecode", space)
	p.body, err = newOnWhite(c, int(w), int(h), n, depth/8)
	return p, err
}

// chunks reads the compressed rows of a PNG, which lie in chunks, one after the other.
type chunks struct {
	from *bufio.Reader
	sum  hash.Hash32
	left int64
	end  bool
}

// begin reads the beginning of a chunk.
func (c *chunks) begin() (name string, err error) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(c.from, head); err != nil {
		return "", broken(err)
	}
	c.left, c.sum = int64(binary.BigEndian.Uint32(head)), crc32.NewIEEE()
	if c.left > 1<<31-1 {
		return "", photo.ErrBroken
	}
	_, _ = c.sum.Write(head[4:])
	return string(head[4:]), nil
}

// piece reads more of a chunk.
func (c *chunks) piece(b []byte) (int, error) {
	n, err := c.from.Read(b[:min(int64(len(b)), c.left)])
	_, _ = c.sum.Write(b[:n])
	c.left -= int64(n)
	return n, broken(err)
}

// finish reads the checksum behind a chunk.
func (c *chunks) finish() error {
	sum := make([]byte, 4)
	if _, err := io.ReadFull(c.from, sum); err != nil {
		return broken(err)
	}
	if binary.BigEndian.Uint32(sum) != c.sum.Sum32() {
		return photo.ErrBroken
	}
	return nil
}

// small reads a whole chunk of at most a palette; of a longer one it keeps nothing.
func (c *chunks) small() (name string, body []byte, err error) {
	if name, err = c.begin(); err != nil {
		return "", nil, err
	}
	long, buf := c.left > 768, make([]byte, 4096)
	for c.left > 0 {
		n, err := c.piece(buf)
		if err != nil {
			return "", nil, err
		}
		if !long {
			body = append(body, buf[:n]...)
		}
	}
	return name, body, c.finish()
}

// untilPixels goes on to the first rows, and returns the palette that came before.
func (c *chunks) untilPixels() (palette []byte, err error) {
	for {
		next, err := c.from.Peek(8)
		if err != nil {
			return nil, broken(err)
		}
		if string(next[4:]) == "IDAT" {
			_, err := c.begin()
			return palette, err
		}
		name, body, err := c.small()
		switch {
		case err != nil:
			return nil, err
		case name == "PLTE":
			palette = body
		case name == "IEND":
			return nil, photo.ErrBroken
		}
	}
}

// Read gives the rows, and ends when the picture has been read to its last chunk.
func (c *chunks) Read(p []byte) (int, error) {
	for !c.end {
		if c.left > 0 {
			return c.piece(p)
		}
		if err := c.finish(); err != nil {
			return 0, err
		}
		for {
			name, err := c.begin()
			if err != nil {
				return 0, err
			}
			if name == "IDAT" {
				break
			}
			if _, err := io.CopyN(io.Discard, c.from, c.left+4); err != nil {
				return 0, broken(err)
			}
			if name == "IEND" {
				c.end = true
				return 0, io.EOF
			}
		}
	}
	return 0, io.EOF
}

// onWhite paints a picture that lets through what is behind it, row by row.
type onWhite struct {
	packed    io.Reader
	rows      io.Reader
	row, last []byte // with its filter before it
	left      int    // rows
	n, bytes  int    // channels, and bytes of each
	painted   []byte
	out       bytes.Buffer
	to        *zlib.Writer
	end       bool
}

func newOnWhite(packed io.Reader, width, height, n, bytes int) (*onWhite, error) {
	rows, err := zlib.NewReader(packed)
	if err != nil {
		return nil, badRows(err)
	}
	w := &onWhite{packed: packed, rows: rows, row: make([]byte, 1+width*n*bytes), last: make([]byte, 1+width*n*bytes), left: height, n: n, bytes: bytes, painted: make([]byte, width*(n-1))}
	w.to = zlib.NewWriter(&w.out)
	return w, nil
}

// badRows: what cannot be unpacked is a broken picture.
func badRows(err error) error {
	var corrupt flate.CorruptInputError
	if err == zlib.ErrHeader || err == zlib.ErrChecksum || err == zlib.ErrDictionary || errors.As(err, &corrupt) {
		return photo.ErrBroken
	}
	return broken(err)
}

// Read gives what is painted, packed again.
func (w *onWhite) Read(p []byte) (int, error) {
	for w.out.Len() == 0 {
		switch {
		case w.end:
			return 0, io.EOF
		case w.left > 0:
			w.left--
			if err := w.paint(); err != nil {
				return 0, err
			}
		default:
			// What is packed behind the last row, which could be endless, is not unpacked.
			if _, err := io.Copy(io.Discard, w.packed); err != nil {
				return 0, err
			}
			if err := w.to.Close(); err != nil {
				return 0, err
			}
			w.end = true
		}
	}
	return w.out.Read(p)
}

func (w *onWhite) paint() error {
	if _, err := io.ReadFull(w.rows, w.row); err != nil {
		return badRows(err)
	}
	if err := unfilter(w.row, w.last, w.n*w.bytes); err != nil {
		return err
	}
	from, to := w.row[1:], w.painted
	for len(to) > 0 {
		alpha := uint32(from[(w.n-1)*w.bytes])
		for i := range w.n - 1 {
			to[i] = byte((uint32(from[i*w.bytes])*alpha + 255*(255-alpha) + 127) / 255)
		}
		from, to = from[w.n*w.bytes:], to[w.n-1:]
	}
	w.row, w.last = w.last, w.row
	_, err := w.to.Write(w.painted)
	return err
}

// unfilter restores a row from the one above (PNG, third edition, chapter 9).
func unfilter(row, above []byte, back int) error {
	kind := row[0]
	row, above = row[1:], above[1:]
	for i := range row {
		var a, b, c int
		if b = int(above[i]); i >= back {
			a, c = int(row[i-back]), int(above[i-back])
		}
		switch kind {
		case 0:
			return nil
		case 1:
			row[i] += byte(a)
		case 2:
			row[i] += byte(b)
		case 3:
			row[i] += byte((a + b) / 2)
		case 4:
			row[i] += byte(paeth(a, b, c))
		default:
			return photo.ErrBroken
		}
	}
	return nil
}

func paeth(a, b, c int) int {
	p := a + b - c
	pa, pb, pc := abs(p-a), abs(p-b), abs(p-c)
	switch {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}

func abs(n int) int { return max(n, -n) }

func orBroken(err error) error {
	if err == nil {
		return photo.ErrBroken
	}
	return err
}
