package vault

import (
	"bufio"
	"context"
	"errors"
	"io"
	"time"

	"reconnect.example/internal/seal"
)

// openLink is a link that its code has opened.
type openLink struct {
	id     LinkID
	digest []byte // of its record, as the owner head names it
	linkBody
}

func (l *openLink) mayLeave() bool { return l != nil && l.Kind == linkDeposit }

// LinkFace is what a page may say to who has the code of a link: nothing of the person beyond
// the label that they chose.
type LinkFace struct {
	Kind  LinkKind
	Label string
	Until time.Time // zero: without an end
	Left  int       // how often it can still be used; -1: without a number
}

// FaceOfLink says what a link is for, to who has its code. It is no line in the journal, as
// nothing of the person is told, and nothing of who asks. It does not say whether the inbox is closed.
//
// Errors: InvalidError for a slip; ErrEnded for a link that is over, or that there never was.
func (s *Vaults) FaceOfLink(ctx context.Context, code string) (LinkFace, error) {
	v, err := s.openLink(ctx, code)
	if err != nil {
		return LinkFace{}, err
	}
	defer v.Close()
	l := v.link()
	f := LinkFace{Kind: LinkDeposit, Label: l.Label, Until: fromMillis(l.Until), Left: -1}
	if l.Kind == linkToPaper {
		f.Kind = LinkPaper
	}
	err = v.do(ctx, func(t *turn) error {
		u, err := t.linkUses()
		if l.Times > 0 {
			n := u.of(l.id)
			if n == nil || n.Used >= l.Times {
				return ErrEnded
			}
			f.Left = int(l.Times - n.Used)
		}
		return err
	})
	if err != nil {
		return LinkFace{}, overLink(err)
	}
	return f, nil
}

// openLink opens what the code of a link opens: a handle as of somebody whom the person let
// in, in whose name every line is signed.
func (s *Vaults) openLink(ctx context.Context, code string) (*Vault, error) {
	c, err := parseLinkCode(code)
	if err != nil {
		return nil, err
	}
	l := &openLink{id: c.id()}
	leads, err := s.getOrNone(ctx, linkKey(l.id))
	if err != nil {
		return nil, err
	}
	if len(leads.Value) != len(ID{}) {
		return nil, ErrEnded
	}
	id := ID(leads.Value)
	rec, err := s.getOrNone(ctx, id.link(l.id))
	if err != nil {
		return nil, err
	}
	if rec.Value == nil {
		return nil, ErrEnded
	}
	_, plain, err := c.key().Open(l.id.in(id), rec.Value)
	if err != nil || seal.Unmarshal(plain, &l.linkBody) != nil || (l.Paper != nil) != (l.Kind == linkToPaper) {
		return nil, ErrEnded // LK4: nobody who has a code learns more of what the store did
	}
	signer, err := seal.SigningKeyFromBytes(l.Signer)
	if err != nil {
		return nil, ErrEnded
	}
	digest := seal.Digest(rec.Value)
	l.digest = digest[:]
	head, err := s.trustedHead(ctx, id, l.Vault)
	if err != nil {
		return nil, overLink(err)
	}
	v := &Vault{service: s, id: id, actor: Actor{Kind: ActorLink, ID: l.id.String(), Name: l.Label}, rings: rings{}, guest: &guest{
		grant: GrantID(l.id), terms: &Terms{Grant: l.id, Scope: ScopeLink, Until: l.Until}, digest: l.digest, vaultKey: head.Key,
		signer: signer, credential: l.Credential, link: l,
	}}
	if err := v.stillOpen(ctx); err != nil {
		return nil, overLink(err)
	}
	return v, nil
}

// overLink tells who has a code no more than that it opens nothing: an altered store, too,
// is the person's to know.
func overLink(err error) error {
	for _, over := range []error{ErrEnded, ErrClosing, ErrTampered, ErrStale, ErrUntrustedKey, ErrNotFound, ErrNotAllowed, ErrPolicy} {
		if errors.Is(err, over) {
			return ErrEnded
		}
	}
	return err
}

// notTaken is what somebody learns who leaves something by a link: that their own paper was
// wrong, that it should be tried again, or that it was not taken.
func notTaken(err error) error {
	var bad *InvalidError
	switch {
	case errors.As(err, &bad):
		return bad
	case errors.Is(err, ErrFull), errors.Is(err, ErrTooMany), errors.Is(err, ErrNotTaken), errors.Is(overLink(err), ErrEnded):
		return ErrNotTaken
	}
	return err
}

// OpenedLink is a paper that a link shows: read it to its end, and close it.
type OpenedLink struct {
	*Content
	Left int // how often the link can still be used; -1: without a number
	v    *Vault
}

// Read returns verified bytes; ErrEnded within a second after the link has ended.
func (o *OpenedLink) Read(p []byte) (int, error) {
	n, err := o.Content.Read(p)
	if errors.Is(err, ErrClosing) {
		err = ErrEnded
	}
	return n, err
}

// Close ends the reading.
func (o *OpenedLink) Close() error {
	err := o.Content.Close()
	o.v.Close()
	return err
}

// OpenByLink opens the paper of a link. The use is counted and the line in the journal durable
// before the first byte leaves: two who open at once cannot both have the last time, on whatever
// servers. A link that was made for so many times needs the witness, which knows a store that
// brings back an earlier count.
//
// Errors: InvalidError for a slip; ErrEnded for what is over, used up, or never was;
// ErrWitnessAway; and while it is read, ErrEnded within a second after the link has ended.
func (s *Vaults) OpenByLink(ctx context.Context, code string) (*OpenedLink, error) {
	v, err := s.openLink(ctx, code)
	if err != nil {
		return nil, err
	}
	out, err := v.readLinked(ctx)
	if err != nil {
		v.Close()
		return nil, overLink(err)
	}
	return out, nil
}

func (v *Vault) readLinked(ctx context.Context) (*OpenedLink, error) {
	l := v.link()
	if l.Kind != linkToPaper {
		return nil, ErrEnded
	}
	r, err := l.Paper.record()
	if err != nil {
		return nil, err
	}
	if l.Times > 0 {
		if _, err := v.service.ask(ctx, v.id); err != nil {
			return nil, err
		}
	}
	out := &OpenedLink{Left: -1, v: v}
	var head Checkpoint
	err = v.do(ctx, func(t *turn) error {
		n, err := t.useLink(l)
		if err != nil {
			return err
		}
		if l.Times > 0 {
			out.Left = int(l.Times - n.Used)
		}
		t.note(ActLinkOpened, &Item{ID: l.Paper.Item, Name: r.item.Name}, map[string]string{detailGrant: l.id.String()})
		t.after = func() { head = t.heads.checkpoint(headJournal) }
		return nil
	})
	if err != nil {
		return nil, err
	}
	if l.Times > 0 {
		if err := v.service.confirm(ctx, v.id, []Checkpoint{head}, signedOwner{}); err != nil {
			return nil, err
		}
	}
	out.Content, err = v.content(ctx, r)
	return out, err
}

// LeaveByLink leaves a document in the inbox, for whoever has the code of a link: as
// [Vault.LeaveDocument], within the share of the space that is kept for it (Config.LeftShare),
// and at most Config.LeftPerDay by one link in a day. What it is is told by its first bytes,
// whatever n.MediaType says: a picture, a sound, a PDF or plain text. Where it will lie, the
// person's rules say.
//
// The answer says that it was taken, durably, and nothing else. Errors: InvalidError for what
// is wrong with the code or the paper; ErrNotTaken for everything that is the person's to
// know: nothing is kept, and the sender must not believe that it was; ErrStorage and the
// like, to be tried again; the reader's own.
func (s *Vaults) LeaveByLink(ctx context.Context, code string, n NewDocument, r io.Reader) error {
	return s.LeaveByLinkOf(ctx, code, nil, n, r)
}

// LeaveByLinkOf is LeaveByLink for a program that keeps the code for somebody who does not
// know it: standing says whether they still may, and is asked in each commit (N7); nil:
// nothing else is asked. Errors: those of LeaveByLink; ErrNotTaken also if they may not.
func (s *Vaults) LeaveByLinkOf(ctx context.Context, code string, standing Standing, n NewDocument, r io.Reader) error {
	v, err := s.openToLeave(ctx, code, standing)
	if err != nil {
		return notTaken(err)
	}
	defer v.Close()
	from := bufio.NewReaderSize(r, sniffed)
	first, err := from.Peek(sniffed)
	if err != nil && err != io.EOF {
		return brokeOff(0, err)
	}
	if n.MediaType = sniff(first); n.MediaType == "" {
		return &InvalidError{Field: "mediaType", Problem: "is not that of a picture, a sound, a PDF or plain text"}
	}
	n.Compartment, n.Folder = Default, ItemID{}
	_, err = v.LeaveDocument(ctx, n, from)
	return notTaken(err)
}

// LeaveNoteByLink leaves a message: a note in the inbox, as LeaveByLink leaves a document.
func (s *Vaults) LeaveNoteByLink(ctx context.Context, code, name string, n Note, channel string) error {
	return s.LeaveNoteByLinkOf(ctx, code, nil, name, n, channel)
}

// LeaveNoteByLinkOf leaves a message as LeaveByLinkOf leaves a document.
func (s *Vaults) LeaveNoteByLinkOf(ctx context.Context, code string, standing Standing, name string, n Note, channel string) error {
	v, err := s.openToLeave(ctx, code, standing)
	if err != nil {
		return notTaken(err)
	}
	defer v.Close()
	_, err = v.LeaveNote(ctx, name, n, Place{Channel: channel})
	return notTaken(err)
}

// openToLeave opens a link to leave something, and refuses before anything is read what
// would not be taken.
func (s *Vaults) openToLeave(ctx context.Context, code string, standing Standing) (*Vault, error) {
	v, err := s.openLink(ctx, code)
	if err != nil {
		return nil, err
	}
	v.guest.standing = standing
	if !v.link().mayLeave() {
		err = ErrNotTaken
	} else {
		err = v.takesMore(ctx)
	}
	if err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// takesMore refuses before anything is read, so that a flood costs little (LK7). The commit
// looks again.
func (v *Vault) takesMore(ctx context.Context) error {
	return v.do(ctx, func(t *turn) error {
		if err := t.mayLeave(); err != nil {
			return err
		}
		n, err := t.useLink(v.link()) // in this turn alone: nothing of it is written
		if err == nil && n.Today > uint64(v.service.cfg.LeftPerDay) {
			err = ErrNotTaken
		}
		return err
	})
}
