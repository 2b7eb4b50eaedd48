package web

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"reconnect.example/refserver/preview"
	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// A small picture is made in a child process (package preview) after a paper was added,
// or when a list shows one that has none, and is kept sealed beside the paper. To make
// it the paper is read, in the session of who is there, and the journal says so. A list
// asks for those that are in sight with one request, which is one line in the journal.
const (
	mostSmall   = 24 // of which one request asks
	madeAtOnce  = 3  // in one request
	madeFor     = 6 * time.Second
	rememberedN = 10_000
)

// smallPicture gives the small picture of one paper, and never makes one: what a GET
// does must change nothing.
func (p *pages) smallPicture(v *visit) error {
	id, err := v.itemID()
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Security-Policy", previewPolicy)
	jpeg, err := v.vault.ReadThumbnail(v.ctx(), id)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "image/jpeg")
	v.w.Header().Set("Content-Length", strconv.Itoa(len(jpeg)))
	_, _ = v.w.Write(jpeg)
	return nil
}

// smallPictures gives those of the papers in "have", and makes some of those in "make".
// The answer is, for each paper that was looked at, its id, a length of four bytes, and
// so many bytes of JPEG, which may be none. Whoever asked asks again for the others.
func (p *pages) smallPictures(v *visit) error {
	f, err := v.readForm()
	if err != nil {
		return err
	}
	have, err := manyIDs(f.Get("have"))
	if err != nil {
		return err
	}
	missing, err := manyIDs(f.Get("make"))
	if err != nil {
		return err
	}
	var out []byte
	if len(have) > 0 {
		all, err := v.vault.ReadThumbnails(v.ctx(), have)
		if err != nil {
			return err
		}
		for _, s := range all {
			out = appendSmall(out, s.Item, s.JPEG)
		}
	}
	ctx, cancel := context.WithTimeout(v.ctx(), madeFor)
	defer cancel()
	for _, id := range missing[:min(madeAtOnce, len(missing))] {
		out = appendSmall(out, id, v.makeSmall(ctx, id))
	}
	v.w.Header().Set("Content-Type", "application/octet-stream")
	v.w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	_, _ = v.w.Write(out)
	return nil
}

func manyIDs(list string) ([]vault.ItemID, error) {
	var ids []vault.ItemID
	for text := range strings.SplitSeq(list, " ") {
		if text == "" {
			continue
		}
		id, err := vault.ParseItemID(text)
		if err != nil || len(ids) == mostSmall {
			return nil, problem.ErrRequest
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func appendSmall(out []byte, id vault.ItemID, jpeg []byte) []byte {
	out = append(out, id.String()...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(jpeg)))
	return append(out, jpeg...)
}

// makeSmalls makes small pictures of papers that were just added, as far as that is
// quick: a list makes the others.
func (v *visit) makeSmalls(items []vault.Item) {
	ctx, cancel := context.WithTimeout(v.ctx(), madeFor)
	defer cancel()
	for _, i := range items[:min(madeAtOnce, len(items))] {
		if mayHaveSmall(i.Document) {
			v.makeSmall(ctx, i.ID)
		}
	}
}

// makeSmall makes the small picture of one paper and keeps it. Whatever goes wrong, the
// paper is well and the page shows an icon: a full space, a paper that was made to do
// harm, somebody else's change in the same moment.
func (v *visit) makeSmall(ctx context.Context, id vault.ItemID) []byte {
	p := v.pages
	if p.Previews == nil || p.without.has(id) {
		return nil
	}
	content, err := v.vault.DrawDocument(ctx, id)
	if err != nil {
		return nil
	}
	defer content.Close()
	if d := content.Item.Document; !mayHaveSmall(d) {
		return nil
	}
	jpeg, err := p.Previews.Make(ctx, content)
	if err != nil {
		if errors.Is(err, preview.ErrNone) || errors.Is(err, preview.ErrRefused) {
			p.without.add(id)
		}
		return nil
	}
	if _, err := v.vault.SetThumbnail(ctx, id, content.Item.Revision, jpeg); err != nil {
		return nil
	}
	return jpeg
}

// mayHaveSmall tells from what is known of a paper whether to try.
func mayHaveSmall(d *vault.Document) bool {
	_, readable := showable(d.MediaType)
	return readable && !d.Thumbnail && d.Size <= preview.MaxSource
}

// small is how a list asks for the small picture of a paper: "have" it, or "make" it.
func small(i vault.Item) string {
	switch {
	case i.Document == nil:
	case i.Document.Thumbnail:
		return "have"
	case mayHaveSmall(i.Document):
		return "make"
	}
	return ""
}

// without remembers of which papers there is no small picture, so that a list does not
// try again and again. It lives in the memory of one process, which is enough.
type without struct {
	mu  sync.Mutex
	ids map[vault.ItemID]bool
}

func (w *without) has(id vault.ItemID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ids[id]
}

func (w *without) add(id vault.ItemID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ids == nil || len(w.ids) >= rememberedN {
		w.ids = map[vault.ItemID]bool{}
	}
	w.ids[id] = true
}
