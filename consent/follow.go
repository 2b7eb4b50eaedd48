package consent

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Follow is what a person says yes to when they let a relay follow them.
type Follow struct {
	Relay  RelayID
	Scope  vault.Scope  // vault.ScopeSee, ScopeAdd, or ScopeGive: leave papers and see nothing
	Until  time.Time    // zero: until it is withdrawn
	Notice vault.Notice // that was read; its text, at most 9,000 bytes, is kept with the grant
	Agreed bool         // must be true
	// Name is what the person is called there: chosen by them, for that relay alone.
	Name    string
	Channel string // where the yes was given: "relay", "web", …; empty: "library"
}

// ErrFollowed: the relay follows this person already. Withdraw first to allow
// something else.
var ErrFollowed = errors.New("consent: this relay follows already")

// Limits of what is kept with a grant.
const (
	maxFollowNotice = 9_000 // bytes
	maxPersonName   = vault.MaxName
)

// untilWithdrawn is how long a consent without an end lasts.
const untilWithdrawn = "until-withdrawn"

func (f *Follow) check() error {
	problems := []error{checkNotice(f.Notice, f.Agreed), checkPersonName(f.Name)}
	if f.Relay.IsZero() {
		problems = append(problems, invalid("relay", "is missing"))
	}
	if f.Scope != vault.ScopeSee && f.Scope != vault.ScopeAdd && f.Scope != vault.ScopeGive {
		problems = append(problems, invalid("scope", "is not to see, to see and add, or to give"))
	}
	if len(f.Channel) > vault.MaxText {
		problems = append(problems, invalid("channel", "is too long"))
	}
	return errors.Join(problems...)
}

func checkNotice(n vault.Notice, agreed bool) error {
	var problems []error
	if !agreed {
		problems = append(problems, invalid("agreed", "was not given; nobody was let in"))
	}
	if n.Version == "" || n.Language == "" || n.Text == "" {
		problems = append(problems, invalid("notice", "is not complete: version, language and text are kept with the consent"))
	}
	if len(n.Text) > maxFollowNotice || len(n.Version)+len(n.Language) > 200 {
		problems = append(problems, invalid("notice", "is longer than %d bytes", maxFollowNotice))
	}
	return errors.Join(problems...)
}

// checkPersonName takes a name as a person gives it, in any script; what shows it
// neutralises it there. It is as long as it will lie in the relay's roster, in NFC,
// which some scripts grow in: a note with a longer one could not be taken in.
func checkPersonName(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return invalid("name", "is empty: say what the person is called there")
	case utf8.RuneCountInString(cleanText(name)) > maxPersonName:
		return invalid("name", "is longer than %d characters", maxPersonName)
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\uFFFD' }):
		return invalid("name", "holds a control character, or is not valid text")
	}
	return nil
}

// followFacts lie with a grant for its person alone:
//
//	CBOR{1: name there, 2: notice, 3: receipt, 4: relay, 5: key of the note}; no name and no note with a desk's
type followFacts struct {
	Name    string       `cbor:"1,keyasint"`
	Notice  vault.Notice `cbor:"2,keyasint"`
	Receipt keptReceipt  `cbor:"3,keyasint"`
	Relay   [16]byte     `cbor:"4,keyasint"`
	Note    string       `cbor:"5,keyasint"`
}

func factsOf(g vault.Grant) (f followFacts, err error) {
	if seal.Unmarshal(g.Facts, &f) != nil {
		return f, tampered("what was kept with a grant")
	}
	return f, nil
}

// Follow lets a relay follow the person who has v open. They show their secret
// again, so that a stolen session shares nothing. One commit holds the grant, what
// was read and agreed, and a note to the relay, whose next worker session takes the
// person into its roster. When it returns, all of it is durable, at the witness too.
//
// A desk follows nobody, so that who answers the phone for all sees nothing of anybody:
// see [Service.AllowDesk].
//
// Errors: ErrNotNamed, vault.ErrEnded for a relay that was withdrawn,
// vault.ErrUntrustedKey if its key does not follow the one that the authority signed,
// ErrFollowed if it follows already, vault.ErrSignIn for a wrong secret, ErrTooMany,
// vault.ErrInvalid with each problem, vault.ErrWitnessAway (nothing was changed),
// vault.ErrUnconfirmed (it is in force; the receipt is returned).
func (s *Service) Follow(ctx context.Context, v *vault.Vault, f Follow, secret vault.Secret) (Receipt, error) {
	if err := f.check(); err != nil {
		return Receipt{}, err
	}
	relay, organisation, err := s.relayInForce(ctx, f.Relay)
	if err != nil {
		return Receipt{}, err
	}
	if relay.Type == TypeDesk {
		return Receipt{}, errFollowsNobody
	}
	all, err := v.Grants(ctx)
	if err != nil {
		return Receipt{}, err
	}
	if slices.ContainsFunc(all, func(g vault.Grant) bool { return g.Holder == f.Relay && !g.Visit && s.inForce(g) }) {
		return Receipt{}, ErrFollowed
	}
	r := newReceipt(f.Notice, relay, organisation, f.Scope, f.Until, f.Channel, s.now())
	if err := s.sign(ctx, v, &r); err != nil {
		return Receipt{}, err
	}
	return r, s.letIn(ctx, v, vault.NewGrant{Holder: f.Relay, Scope: f.Scope, Until: f.Until}, followNote,
		followFacts{Name: f.Name, Notice: f.Notice, Receipt: r.kept(), Relay: f.Relay}, r.digest(), secret)
}

// letIn gives the grant, with a note to its holder in the same commit.
func (s *Service) letIn(ctx context.Context, v *vault.Vault, n vault.NewGrant, kind string, facts followFacts, receipt []byte, secret vault.Secret) error {
	holder, err := s.cfg.Register.Holder(ctx, n.Holder, n.Key)
	if err != nil {
		return err
	}
	note, err := s.newNote(ctx, v, randomID(), kind, n, facts)
	if err != nil {
		return err
	}
	facts.Note, n.Note = note.key, note.key
	n.Also = func(tx *storage.Tx, g vault.Grant) error { return note.put(tx, g.ID, holder.Inbox, n.Until) }
	return give(ctx, v, n, facts, receipt, secret)
}

// give gives the grant with what is kept with it.
func give(ctx context.Context, v *vault.Vault, n vault.NewGrant, facts followFacts, receipt []byte, secret vault.Secret) (err error) {
	if n.Facts, err = seal.Marshal(facts); err != nil {
		return invalid("name", "is not valid text")
	}
	n.Subject = receipt
	_, err = v.Give(ctx, n, secret)
	return err
}

// relayInForce returns a relay that may be let in, and who answers for it.
func (s *Service) relayInForce(ctx context.Context, id RelayID) (Relay, Organisation, error) {
	relay, err := s.cfg.Directory.Relay(ctx, id)
	if err != nil {
		return Relay{}, Organisation{}, err
	}
	if relay.Withdrawn != "" {
		return Relay{}, Organisation{}, vault.ErrEnded
	}
	organisation, err := s.cfg.Directory.Organisation(ctx, relay.Organisation)
	return relay, organisation, err
}

func (s *Service) inForce(g vault.Grant) bool {
	return g.Ended.IsZero() && (g.Until.IsZero() || s.now().Before(g.Until))
}

func newReceipt(n vault.Notice, relay Relay, o Organisation, scope vault.Scope, until time.Time, channel string, now time.Time) Receipt {
	r := Receipt{ID: vault.ID(randomID()).String()}
	r.Controller = Party{ID: o.ID.String(), Name: o.Name, Contact: relay.Contact, Country: o.Country, Role: "controller"}
	r.Recipient = Party{ID: relay.ID.String(), Name: relay.Name, Contact: relay.Contact, Address: relay.Place, Country: relay.Country, Role: "relay"}
	r.Processing = Processing{
		Notice: noticeReference(n), Purposes: []string{"access-to-rights"}, LawfulBasis: "consent",
		Data: []string{"documents", "contacts", "appointments", "notes"}, Scope: scopeCode(scope),
		Storage: []string{"this-service"}, Retention: "while-given",
		WithdrawalMethod: []string{"own-safe", "any-relay"},
		Rights:           []string{"access", "withdrawal", "erasure", "portability", "complaint"},
	}
	r.Event = ConsentEvent{Time: stamp(now), Type: "explicit", State: StateGiven, Duration: untilWithdrawn, Channel: channel, Entity: "principal"}
	if channel == "" {
		r.Event.Channel = "library"
	}
	if !until.IsZero() {
		r.Event.Duration = stamp(until)
	}
	return r
}

// randomID draws 128 bits.
func randomID() [16]byte { return NewOrganisationID() }

func scopeCode(s vault.Scope) string {
	switch s {
	case vault.ScopeAdd:
		return "see-and-add"
	case vault.ScopeGive:
		return "give"
	case vault.ScopeHelp:
		return "help"
	case vault.ScopePartner:
		return "take"
	}
	return "see"
}

// Withdraw ends what a person allowed to a relay or for a visit, at a tap: whoever
// has it open is refused from that commit on, also in a download under way. With the
// secret, Shared gets new keys now; without (nil) it does at the next sign-in. It is
// done also while the witness is away (vault.ErrUnconfirmed then; the receipt is
// returned). What was seen may have been kept; say so.
//
// Errors: vault.ErrNotFound, vault.ErrEnded, vault.ErrSignIn for a wrong secret
// (nothing was changed). After any other error look at [Service.Followers]: what is
// ended stays ended, and [Service.Receipts] has the receipt.
func (s *Service) Withdraw(ctx context.Context, v *vault.Vault, id vault.GrantID, secret *vault.Secret) (Receipt, error) {
	endErr := v.End(ctx, id, secret)
	if endErr != nil && !errors.Is(endErr, vault.ErrUnconfirmed) {
		return Receipt{}, endErr
	}
	all, err := v.Grants(ctx)
	if err != nil && !errors.Is(err, vault.ErrTampered) {
		return Receipt{}, errors.Join(endErr, err)
	}
	for _, g := range all {
		if g.ID != id {
			continue
		}
		_, end, err := s.receipts(ctx, v, g)
		if end == nil {
			return Receipt{}, errors.Join(endErr, err)
		}
		return *end, errors.Join(endErr, err)
	}
	return Receipt{}, errors.Join(endErr, vault.ErrNotFound)
}

// Receipts returns a receipt of everything that the person ever agreed to, and one
// of each end, the oldest first, as far as grants are kept. One that the store
// altered is named by the error, next to the others.
func (s *Service) Receipts(ctx context.Context, v *vault.Vault) ([]Receipt, error) {
	all, hidden := v.Grants(ctx)
	if hidden != nil && !errors.Is(hidden, vault.ErrTampered) {
		return nil, hidden
	}
	var out []Receipt
	problems := []error{hidden}
	for _, g := range all {
		if len(g.Facts) == 0 {
			continue // not given through this package
		}
		given, end, err := s.receipts(ctx, v, g)
		if given != nil {
			out = append(out, *given)
		}
		if end != nil {
			out = append(out, *end)
		}
		problems = append(problems, err)
	}
	return out, errors.Join(problems...)
}

// receipts are those of one grant. The one of the end is signed when it is asked for:
// what it says follows from what the vault keeps.
func (s *Service) receipts(ctx context.Context, v *vault.Vault, g vault.Grant) (given, end *Receipt, err error) {
	facts, err := factsOf(g)
	if err != nil {
		return nil, nil, err
	}
	r, err := facts.Receipt.open(v.ID())
	if err != nil {
		return nil, nil, err
	}
	if g.Ended.IsZero() {
		return &r, nil, nil
	}
	e := r.ended(g)
	if err := s.sign(ctx, v, &e); err != nil {
		return &r, nil, err
	}
	return &r, &e, nil
}

// NoticeOf returns the notice that was read before a grant was given, as it is kept
// with it.
func (s *Service) NoticeOf(ctx context.Context, v *vault.Vault, id vault.GrantID) (vault.Notice, error) {
	all, err := v.Grants(ctx)
	if err != nil {
		return vault.Notice{}, err
	}
	for _, g := range all {
		if g.ID == id {
			facts, err := factsOf(g)
			return facts.Notice, err
		}
	}
	return vault.Notice{}, vault.ErrNotFound
}

// TakeReceipts puts the receipts of [Service.Receipts] into what an export takes along, as
// JSON; what the store altered of them is named there. With a choice there are none to take.
// Errors: those of Receipts but ErrTampered.
func (s *Service) TakeReceipts(ctx context.Context, v *vault.Vault, o *vault.ExportOptions) error {
	if o.Items != nil || o.Kinds != nil || o.WithoutPrivate {
		return nil
	}
	all, err := s.Receipts(ctx, v)
	if errors.Is(err, vault.ErrTampered) {
		o.ReceiptsErr, err = err, nil
	}
	for _, r := range all {
		raw, encodeErr := json.Marshal(r)
		if err = errors.Join(err, encodeErr); err != nil {
			return err
		}
		o.Receipts = append(o.Receipts, raw)
	}
	return err
}
