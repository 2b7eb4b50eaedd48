package photo_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	_ "golang.org/x/image/webp"

	"reconnect.example/internal/photo"
)

// secret is in every block that tells something.
const secret = "48.8566N 2.3522E"

// tinyWebP is one pixel.
const tinyWebP = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"

func TestAPhotoTellsNothingButItsPicture(t *testing.T) {
	t.Parallel()
	for name, with := range map[string][]byte{
		"jpeg": telling(t, 6), "png": tellingPNG(t, 6), "webp": tellingWebP(t, 6),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, string(with), secret)
			s, err := photo.NewStripper(iotest.OneByteReader(bytes.NewReader(with)))
			require.NoError(t, err)
			require.Equal(t, photo.Format(name), s.Format())
			without, err := io.ReadAll(s)
			require.NoError(t, err)
			require.NotContains(t, string(without), secret)
			require.NotContains(t, string(without), "maker")
			require.Equal(t, 6, s.Orientation())
			again, turned := strip(t, without)
			require.Equal(t, without, again, "there is nothing left to take out")
			require.Equal(t, 6, turned, "and how to turn it is still said")
			require.Equal(t, pixels(t, with), pixels(t, without))
		})
	}
}

func TestColourProfilesStay(t *testing.T) {
	t.Parallel()
	plain := picture(t)
	profiled := insert(plain, segment(0xE2, "ICC_PROFILE\x00\x01\x01colours"), segment(0xEE, "Adobe\x00\x64\x00\x00\x00\x00\x01"))
	out, _ := strip(t, profiled)
	require.Equal(t, profiled, out)
	out, _ = strip(t, insert(plain, segment(0xE2, "MPF\x00"+secret)))
	require.Equal(t, plain, out, "another block of the same number goes")
}

func TestWhatFollowsThePictureGoes(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string][]byte{"jpeg": picture(t), "png": picturePNG(t), "webp": pictureWebP(t)} {
		out, _ := strip(t, append(bytes.Clone(plain), "a film with "+secret...))
		require.Equal(t, plain, out, name)
	}
}

func TestOtherFormatsPassAndAreSaidToBeOther(t *testing.T) {
	t.Parallel()
	for _, other := range []string{"", "x", "%PDF-1.7 text", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00 " + secret, strings.Repeat("long ", 100000)} {
		s, err := photo.NewStripper(strings.NewReader(other))
		require.NoError(t, err)
		require.Equal(t, photo.Other, s.Format())
		got, err := io.ReadAll(s)
		require.NoError(t, err)
		require.Equal(t, other, string(got))
	}
}

func TestABrokenPhotoIsRefused(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string][]byte{"jpeg": telling(t, 3), "png": tellingPNG(t, 3), "webp": tellingWebP(t, 3)} {
		for n := 12; n < len(whole)-len(secret); n++ { // in what follows the end, an end does no harm
			s, err := photo.NewStripper(bytes.NewReader(whole[:n]))
			require.NoError(t, err)
			if s.Format() == photo.Other {
				continue
			}
			_, err = io.Copy(io.Discard, s)
			require.ErrorIs(t, err, photo.ErrBroken, "%s after %d bytes", name, n)
		}
	}
	for _, bad := range []string{
		"\xFF\xD8\xFF\xE1\x00\x01xxxxxxxxxxxx", "\xFF\xD8\xFF\x00xxxxxxxxxxxx", "\xFF\xD8\xFF\xD8\xFF\xD9xxxxxxxx",
		"\x89PNG\r\n\x1a\n\x00\x00\x00\x0DIDATxxxxxxxxxxxxxxxxx", "\x89PNG\r\n\x1a\n\x00\x00\x00\x0DIHDR12345678901234567\xFF\xFF\xFF\xFFIDAT",
		"RIFF\xFF\xFF\xFF\xFFWEBPVP8 \xFF\xFF\xFF\xFFx", "RIFF\x00\x00\x00\x00WEBPVP8 ", "RIFF\x10\x00\x00\x00WEBPEXIF\x00\x00\x00\x00",
	} {
		s, err := photo.NewStripper(strings.NewReader(bad))
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, s)
		require.ErrorIs(t, err, photo.ErrBroken, "%q", bad)
	}
}

func TestAConnectionThatBreaksIsNotABrokenPhoto(t *testing.T) {
	t.Parallel()
	cut := errors.New("cut")
	for _, whole := range [][]byte{telling(t, 1), tellingPNG(t, 1), tellingWebP(t, 1), []byte("%PDF")} {
		for n := range len(whole) - len(secret) {
			s, err := photo.NewStripper(io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(cut)))
			if err == nil {
				_, err = io.Copy(io.Discard, s)
			}
			require.ErrorIs(t, err, cut, "after %d bytes", n)
		}
	}
}

func FuzzStripping(f *testing.F) {
	f.Add(telling(f, 6))
	f.Add(tellingPNG(f, 8))
	f.Add(tellingWebP(f, 2))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := photo.NewStripper(bytes.NewReader(data))
		require.NoError(t, err)
		out, err := io.ReadAll(s)
		if err != nil {
			require.ErrorIs(t, err, photo.ErrBroken)
			return
		}
		require.LessOrEqual(t, len(out), len(data))
		again, turned := strip(t, out)
		require.Equal(t, out, again)
		require.Equal(t, s.Orientation(), turned)
	})
}

func strip(t testing.TB, in []byte) (out []byte, turned int) {
	t.Helper()
	s, err := photo.NewStripper(bytes.NewReader(in))
	require.NoError(t, err)
	out, err = io.ReadAll(s)
	require.NoError(t, err)
	return out, s.Orientation()
}

func pixels(t testing.TB, photo []byte) image.Image {
	t.Helper()
	m, _, err := image.Decode(bytes.NewReader(photo))
	require.NoError(t, err)
	return m
}

func colours() image.Image {
	m := image.NewRGBA(image.Rect(0, 0, 40, 20))
	for i := range m.Pix {
		m.Pix[i] = uint8(i*i/7) | 3
	}
	m.Set(0, 0, color.White)
	return m
}

func picture(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, colours(), nil))
	return b.Bytes()
}

func picturePNG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, colours()))
	return b.Bytes()
}

func pictureWebP(t testing.TB) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(tinyWebP)
	require.NoError(t, err)
	return b
}

// exif has an orientation, and a place and a maker besides.
func exif(turned byte) string {
	return "II*\x00\x08\x00\x00\x00\x02\x00" + "\x0F\x01\x02\x00\x06\x00\x00\x00\x26\x00\x00\x00" +
		"\x12\x01\x03\x00\x01\x00\x00\x00" + string(rune(turned)) + "\x00\x00\x00" + "\x00\x00\x00\x00" + "maker\x00" + secret
}

func segment(marker byte, body string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xFF, marker}, uint16(len(body)+2)), body...)
}

// insert puts segments behind the first marker.
func insert(jpeg []byte, segments ...[]byte) []byte {
	return append(append(bytes.Clone(jpeg[:2]), bytes.Join(segments, nil)...), jpeg[2:]...)
}

func telling(t testing.TB, turned byte) []byte {
	t.Helper()
	return append(insert(picture(t),
		segment(0xE0, "JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x02\x03"+secret+"  "),
		segment(0xE1, "Exif\x00\x00"+exif(turned)), segment(0xE1, "http://ns.adobe.com/xap/1.0/\x00"+secret),
		segment(0xED, "Photoshop 3.0\x00"+secret), segment(0xFE, secret), segment(0xE0, "JFXX\x00"+secret), segment(0xEF, secret)), secret...)
}

func chunk(name, body string) []byte {
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), name+body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func tellingPNG(t testing.TB, turned byte) []byte {
	t.Helper()
	const header = 8 + 25
	b := picturePNG(t)
	told := bytes.Join([][]byte{chunk("eXIf", exif(turned)), chunk("tEXt", "Author\x00"+secret), chunk("iTXt", secret), chunk("tIME", "1234567"), chunk("caBX", secret)}, nil)
	return append(append(append(bytes.Clone(b[:header]), told...), b[header:]...), secret...)
}

func riff(name, body string) string {
	b := string(binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body)))) + body
	return b + strings.Repeat("\x00", len(body)&1)
}

func tellingWebP(t testing.TB, turned byte) []byte {
	t.Helper()
	body := "WEBP" + riff("VP8X", "\x0C\x00\x00\x00\x00\x00\x00\x00\x00\x00") + string(pictureWebP(t)[12:]) +
		riff("EXIF", exif(turned)) + riff("XMP ", secret+".") + riff("note", secret) + riff("EXIF", secret)
	return append([]byte(riff("RIFF", body)), secret...)
}
