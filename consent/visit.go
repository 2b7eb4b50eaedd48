package consent

import (
	"bytes"
	"context"
	"encoding/base32"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// VisitCode is what a worker shows, as a QR code or as text, to a person who visits a
// centre that does not follow them: who they are and by which key they receive. It is
// no secret. The person's session takes the key from the screen in front of them, not
// from the store (D1).
type VisitCode struct {
	Worker vault.ID
	Relay  RelayID
	Key    RelayKey // the worker's signing key
	Name   string   // under which the relay let them in; "": the code does not say, as one of before does not
}

const visitBegin = "reconnect:visit:"

// longestShownName is how long a name may be that a code says, in bytes: with a longer one
// it would be too fine to be read by the camera of a cheap phone.
const longestShownName = 60

// shownName writes a name in the letters of ids.
var shownName = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// String is the text of the QR code.
func (c VisitCode) String() string {
	text := visitBegin + c.Worker.String() + ":" + c.Relay.String() + ":" + c.Key.String()
	if c.Name != "" {
		text += ":" + shownName.EncodeToString([]byte(c.Name))
	}
	return text
}

// ParseVisitCode reads what VisitCode.String wrote. vault.ErrInvalid for another text.
func ParseVisitCode(text string) (c VisitCode, err error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), visitBegin)
	parts := strings.Split(rest, ":")
	if !ok || len(parts) < 3 || len(parts) > 4 || len(text) > mostTyped {
		return c, invalid("code", "is not the code of a worker")
	}
	var errs [4]error
	c.Worker, errs[0] = vault.ParseID(parts[0])
	c.Relay, errs[1] = ParseRelayID(parts[1])
	c.Key, errs[2] = ParseRelayKey(parts[2])
	if len(parts) == 4 {
		var name []byte
		name, errs[3] = shownName.DecodeString(parts[3])
		if c.Name = string(name); c.Name == "" || len(name) > longestShownName || !utf8.Valid(name) {
			return VisitCode{}, invalid("code", "is not the code of a worker")
		}
	}
	if errors.Join(errs[:]...) != nil {
		return VisitCode{}, invalid("code", "is not the code of a worker")
	}
	return c, nil
}

// VisitCode returns the code that this worker shows at this relay.
func (p *Post) VisitCode(ctx context.Context) (VisitCode, error) {
	if err := errors.Join(p.mayHelp(), p.stands(ctx)); err != nil {
		return VisitCode{}, err
	}
	c := VisitCode{Worker: p.worker.ID(), Relay: p.relay.ID, Key: RelayKey(p.keys.Signer.Public())}
	if len(p.name) <= longestShownName {
		c.Name = p.name
	}
	return c, nil
}

// Visitor is who shows a code, as far as the directory and their relay say.
type Visitor struct {
	VisitCode
	At           Relay
	Organisation Organisation
	Fingerprint  string // of the worker's key, to be compared by who wants to
}

// Visitor says whose code this is: a relay that the authority has signed must have
// signed this key as one of its workers'. Whether they still are one is asked when
// they open anything.
//
// Errors: vault.ErrInvalid, ErrNotNamed, vault.ErrEnded for a relay that was
// withdrawn, ErrNotMember, vault.ErrUntrustedKey for another key.
func (s *Service) Visitor(ctx context.Context, code string) (Visitor, error) {
	c, err := ParseVisitCode(code)
	if err != nil {
		return Visitor{}, err
	}
	out := Visitor{VisitCode: c, Fingerprint: Fingerprint(c.Key)}
	if out.At, out.Organisation, err = s.relayInForce(ctx, c.Relay); err != nil {
		return Visitor{}, err
	}
	if out.At.Type == TypeDesk { // it sees nothing of anybody, also for a while
		return Visitor{}, errFollowsNobody
	}
	rec, err := s.cfg.Store.Get(ctx, memberKey(c.Worker, c.Relay))
	if errors.Is(err, storage.ErrNotFound) {
		return Visitor{}, ErrNotMember
	}
	if err != nil {
		return Visitor{}, storageError(err)
	}
	var m membership
	if seal.Unmarshal(rec.Value, &m) != nil {
		return Visitor{}, tampered("membership")
	}
	member, err := s.cfg.Register.Member(ctx, m.Credential)
	if err != nil {
		return Visitor{}, err
	}
	if member.Worker != c.Worker || member.Relay != c.Relay || !bytes.Equal(member.Key, c.Key[:]) {
		return Visitor{}, vault.ErrUntrustedKey
	}
	if c.Name != "" && !member.Named(c.Name) { // nobody shows a key as somebody else's: the receipt and the page say this name
		return Visitor{}, vault.ErrUntrustedKey
	}
	return out, nil
}

// NewVisit is what a person shows a worker for a while.
type NewVisit struct {
	Code    string         // as the worker's screen shows it
	Items   []vault.ItemID // these alone, as they are now, private ones too; nil: all that is shared
	Scope   vault.Scope    // vault.ScopeSee, or ScopeAdd for all that is shared; zero: see
	Lasts   time.Duration  // at least a minute, at most MaxVisit
	Notice  vault.Notice   // that was read; kept with the visit
	Agreed  bool           // must be true
	Name    string         // what the worker shall call the person
	Channel string
}

// MaxVisit is the longest visit.
const MaxVisit = 24 * time.Hour

func (n *NewVisit) check() error {
	problems := []error{checkNotice(n.Notice, n.Agreed), checkPersonName(n.Name)}
	if n.Lasts < time.Minute || n.Lasts > MaxVisit {
		problems = append(problems, invalid("lasts", "is not between a minute and 24 hours"))
	}
	if n.Scope == 0 {
		n.Scope = vault.ScopeSee
	}
	if n.Scope != vault.ScopeSee && (n.Scope != vault.ScopeAdd || n.Items != nil) {
		problems = append(problems, invalid("scope", "is not to see, or to see and add to what is shared"))
	}
	return errors.Join(problems...)
}

// Visit shows a worker of a centre that does not follow the person what they choose,
// for a while. It ends by itself, at a tap ([Service.Withdraw]), and when the person
// signs out; nothing of it stays with the relay. Errors: those
// of [Service.Follow] and [Service.Visitor], vault.ErrNotFound for an item that is
// not there.
func (s *Service) Visit(ctx context.Context, v *vault.Vault, n NewVisit, secret vault.Secret) (Receipt, error) {
	if err := n.check(); err != nil {
		return Receipt{}, err
	}
	who, err := s.Visitor(ctx, n.Code)
	if err != nil {
		return Receipt{}, err
	}
	until := s.now().Add(n.Lasts)
	r := newReceipt(n.Notice, who.At, who.Organisation, n.Scope, until, n.Channel, s.now())
	r.Recipient.ID, r.Recipient.Role = who.Worker.String(), "worker"
	if who.Name != "" {
		r.Recipient.Name = who.Name + ", " + r.Recipient.Name
	}
	if n.Items != nil {
		r.Processing.Data = []string{"chosen-items"}
	}
	if err := s.sign(ctx, v, &r); err != nil {
		return Receipt{}, err
	}
	g := vault.NewGrant{Holder: who.Worker, Scope: n.Scope, Until: until, Visit: true, Items: n.Items, Key: who.Key[:]}
	return r, s.letIn(ctx, v, g, visitNote, followFacts{Name: n.Name, Notice: n.Notice, Receipt: r.kept(), Relay: who.Relay}, r.digest(), secret)
}

// Visiting is somebody who shows a worker something for a while.
type Visiting struct {
	Grant vault.GrantID
	Vault vault.ID
	Name  string // as the person gave it: neutralise it where it is shown
	Scope vault.Scope
	Until time.Time

	pinned []byte
}

// Visits returns who shows this worker something now, at this relay, by the end that
// comes first. What is over goes.
func (p *Post) Visits(ctx context.Context) (out []Visiting, err error) {
	if err := errors.Join(p.mayHelp(), p.stands(ctx)); err != nil {
		return nil, err
	}
	own, err := p.worker.own.OwnKeys(ctx)
	if err != nil {
		return nil, err
	}
	s, worker := p.service(), p.worker.ID()
	records, err := s.cfg.Store.Scan(ctx, worker.String()+visitNote, "", mostNotes)
	if err != nil {
		return nil, storageError(err)
	}
	for _, rec := range records {
		n, err := openNote(worker, visitNote, rec, own.Inboxes)
		over := err != nil || n.Until == 0 || !s.now().Before(fromUnixMilli(n.Until))
		if !over {
			_, err := s.cfg.Store.Get(ctx, grantKey(n.Vault, n.Grant))
			if over = errors.Is(err, storage.ErrNotFound); err != nil && !over {
				return nil, storageError(err)
			}
		}
		if over {
			if err := s.drop(ctx, rec); err != nil {
				return nil, err
			}
			continue
		}
		if n.Relay == p.relay.ID {
			out = append(out, Visiting{Grant: n.Grant, Vault: n.Vault, Name: n.Name, Scope: n.Scope, Until: fromUnixMilli(n.Until), pinned: n.Key})
		}
	}
	slices.SortFunc(out, func(a, b Visiting) int { return a.Until.Compare(b.Until) })
	return out, nil
}

// OpenVisit opens what somebody shows this worker. As with [Post.Open], each act is a
// line in the person's journal, and the session has nothing else open meanwhile.
// vault.ErrNotFound if there is no such visit (any more). Errors: those of Open.
func (p *Post) OpenVisit(ctx context.Context, id vault.GrantID, why Purpose) (*vault.Vault, error) {
	if err := why.check(); err != nil {
		return nil, err
	}
	all, err := p.Visits(ctx)
	if err != nil {
		return nil, err
	}
	for _, n := range all {
		if n.Grant != id {
			continue
		}
		// The first contact: the witness must know the vault by the key that signed the note.
		known, err := p.service().cfg.Vaults.Public(ctx, n.Vault, nil)
		if err != nil {
			return nil, err
		}
		if !known.Trusts(n.pinned) {
			return nil, vault.ErrUntrustedKey
		}
		return p.openFor(ctx, opened{Relay: p.relay.ID, Vault: n.Vault, Grant: id, Purpose: why.String(), Nonce: randomID(), Pinned: n.pinned, Visit: true, Name: n.Name}, n.Until)
	}
	return nil, vault.ErrNotFound
}
