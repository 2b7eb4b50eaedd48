package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	photosAtOnce      = 8
	photoW, photoH    = 8000, 6000 // what a good phone takes
	wherePhotographed = "GPS 48.8566 2.35"
)

// measurePhotos is P4 as people meet it: photos that are added on the pages, at once, from
// which the server takes what the camera wrote while they come in, and of which it makes
// small pictures in processes of their own.
func measurePhotos(ctx context.Context, o options) (results []result, err error) {
	dir, binary, remove, err := builtServer(ctx, o)
	if err != nil {
		return nil, err
	}
	defer remove()
	real, err := photographed()
	if err != nil {
		return nil, err
	}
	long, err := endless(uploadBytes)
	if err != nil {
		return nil, err
	}
	for _, p := range []struct {
		*photo
		what string
	}{
		{long, fmt.Sprintf("%d photos of %d MB at once, on the pages, without what the camera wrote", photosAtOnce, uploadBytes/1_000_000)},
		{real, fmt.Sprintf("%d photos of %d megapixels (%.0f MB) at once, each with a small picture", photosAtOnce, photoW*photoH/1_000_000, float64(real.length())/1e6)},
	} {
		s, people, err := readyPeople(ctx, binary, filepath.Join(dir, strconv.Itoa(len(results))), photosAtOnce)
		if err != nil {
			return nil, err
		}
		r, err := p.measure(ctx, s, people)
		if err := errors.Join(err, s.stop()); err != nil {
			return nil, err
		}
		r.what = p.what
		results = append(results, r)
	}
	return results, nil
}

// photo is a JPEG: its head, which a camera wrote more into than the picture, the
// picture, and the end.
type photo struct {
	head    []byte
	picture []byte // repeated until it is as long as scan
	scan    int64
}

func (p *photo) length() int64 { return int64(len(p.head)) + p.scan + 2 }

func (p *photo) reader() io.Reader {
	return io.MultiReader(bytes.NewReader(p.head), io.LimitReader(&repeated{of: p.picture}, p.scan), strings.NewReader("\xFF\xD9"))
}

// repeated is the same again and again.
type repeated struct {
	of []byte
	at int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.of[r.at:])
	r.at = (r.at + n) % len(r.of)
	return n, nil
}

// startOfScan is the marker after which a JPEG's picture begins (ITU-T T.81, table B.1).
const startOfScan = "\xFF\xDA"

// newPhoto encodes a picture and writes into it where it was taken, as a phone does.
func newPhoto(m image.Image) (*photo, error) {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: 90}); err != nil {
		return nil, err
	}
	raw := out.Bytes()
	exif := []byte("\xFF\xE1\x00\x00Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00" + wherePhotographed)
	exif[3] = byte(len(exif) - 2)
	begins := bytes.Index(raw, []byte(startOfScan)) + len(startOfScan)
	begins += int(raw[begins])<<8 | int(raw[begins+1])
	head := append(append(bytes.Clone(raw[:2]), exif...), raw[2:begins]...)
	return &photo{head: head, picture: raw[begins : len(raw)-2], scan: int64(len(raw) - 2 - begins)}, nil
}

// photographed is a picture that is as hard to encode as one of a paper on a table.
func photographed() (*photo, error) {
	m := image.NewYCbCr(image.Rect(0, 0, photoW, photoH), image.YCbCrSubsampleRatio420)
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a picture
	for i := range m.Y {
		m.Y[i] = byte(i%photoW/64 + random.IntN(48))
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = 120, 136
	}
	return newPhoto(m)
}

// endless is a photo whose picture has a size of its own, and no marker in it.
func endless(size int64) (*photo, error) {
	p, err := newPhoto(image.NewGray(image.Rect(0, 0, 16, 16)))
	if err != nil {
		return nil, err
	}
	p.picture = make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(p.picture)
	for i := range p.picture {
		p.picture[i] &= 0x7F
	}
	p.scan = size - int64(len(p.head)) - 2
	return p, nil
}

// measure lets everybody add the photo at once.
func (p *photo) measure(ctx context.Context, s *server, people []*caller) (r result, err error) {
	process := strconv.Itoa(s.cmd.Process.Pid)
	idle, err := resident(process, "VmRSS")
	if err != nil {
		return r, err
	}
	if err := beginMark(process); err != nil {
		return r, err
	}
	watched := watchChildren(ctx, process)
	papers := make([]string, len(people))
	err = together(len(people), 1, func(n int) (err error) { papers[n], err = p.add(ctx, people[n]); return err })
	most, seen := watched()
	if err != nil {
		return r, err
	}
	peak, err := resident(process, "VmHWM")
	if err != nil {
		return r, err
	}
	small, err := p.check(ctx, people, papers)
	if err != nil {
		return r, err
	}
	r = result{id: "P4", value: fmt.Sprintf("%.1f MB over %.1f MB idle", float64(peak-idle)/1e6, float64(idle)/1e6), target: "<= 64 MB over idle", pass: peak-idle <= memoryLimit}
	if seen > 0 {
		r.value += fmt.Sprintf("; %d small pictures by then, their processes %.0f MB together at most", small, float64(most)/1e6)
	}
	return r, nil
}

// readyPeople makes people and signs them in, and starts the server anew, so that what
// signing in took is not counted.
func readyPeople(ctx context.Context, binary, data string, several int) (*server, []*caller, error) {
	s, err := serve(ctx, binary, data)
	if err != nil {
		return nil, nil, err
	}
	var people []*caller
	for range several {
		login, secret, err := createVault(ctx, binary, data)
		if err != nil {
			return nil, nil, errors.Join(err, s.stop())
		}
		c, err := s.signIn(ctx, login, secret)
		if err != nil {
			return nil, nil, errors.Join(err, s.stop())
		}
		people = append(people, c)
	}
	if err := s.stop(); err != nil {
		return nil, nil, err
	}
	if s, err = serve(ctx, binary, data); err != nil {
		return nil, nil, err
	}
	for _, c := range people {
		c.server = s
		if err := c.call(ctx, http.MethodGet, "/papers", "", nil, drain); err != nil { // what the first page of all takes
			return nil, nil, errors.Join(err, s.stop())
		}
	}
	return s, people, nil
}

// add sends the form of the page, and returns the id of the paper that it leads to.
func (p *photo) add(ctx context.Context, c *caller) (string, error) {
	from, to := io.Pipe()
	form := multipart.NewWriter(to)
	go func() { // ends with the request, which closes the other end
		part, err := form.CreateFormFile("photo", "IMG_0001.jpg")
		if err == nil {
			_, err = io.Copy(part, p.reader())
		}
		if err == nil {
			err = form.Close()
		}
		to.CloseWithError(err)
	}()
	defer from.Close()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server.url+"/papers/add", from)
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+c.token)
	answer, err := c.server.client.Do(r) // and follows to the page of the paper
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	id, isPaper := strings.CutPrefix(answer.Request.URL.Path, "/papers/")
	if answer.StatusCode != http.StatusOK || !isPaper || id == "add" {
		return "", fmt.Errorf("adding a photo led to %s: %s", answer.Request.URL.Path, answer.Status)
	}
	return id, drain(answer.Body)
}

// check looks whether each paper is the photo without what the camera wrote, and counts
// the small pictures.
func (p *photo) check(ctx context.Context, people []*caller, papers []string) (small int, err error) {
	for n, c := range people {
		var begin bytes.Buffer
		var rest int64
		err := c.call(ctx, http.MethodGet, "/api/v1/documents/"+papers[n]+"/content", "", nil, func(r io.Reader) error {
			if _, err := io.CopyN(&begin, r, int64(len(p.head))); err != nil {
				return err
			}
			rest, err = io.Copy(io.Discard, r)
			return err
		})
		if err != nil {
			return 0, err
		}
		if bytes.Contains(begin.Bytes(), []byte(wherePhotographed)) || int64(begin.Len())+rest >= p.length() || rest < p.scan/2 {
			return 0, errors.New("what the camera wrote is still in the photo, or the photo is not whole")
		}
		var item struct{ Document struct{ Thumbnail bool } }
		if err := c.call(ctx, http.MethodGet, "/api/v1/items/"+papers[n], "", nil, into(&item)); err != nil {
			return 0, err
		}
		if item.Document.Thumbnail {
			small++
		}
	}
	return small, nil
}
