package vault_test

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent/consenttest"
	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// drawn is a sequence of pictures.
var drawn = []string{"camel", "boat", "lemon", "moon", "key", "frog"}

// helper is who helps somebody back in, with what they hold.
type helper struct {
	side    string
	holder  vault.ID
	grant   vault.GrantID
	guest   vault.Guest
	name    string
	request vault.ItemID
	said    []byte // by which they opened it
}

// helping writes the vectors of a sheet with a relay and of pictures with the desk, and of
// what the relay, the desk and the witness hold and read of them.
func (w *vectorWriter) helping() {
	folder := w.t.TempDir()
	r := w.newReturning(folder)
	r.enrolBoth()
	relay, desk := r.helper("relay", r.s.Harbour, r.s.Samir, r.s.Followed, vault.PathSheetRelay), r.helper("desk", r.s.Line, r.s.Lina, r.s.Allowed, vault.PathAnswersDesk)
	r.records = r.harvest()
	for rec, err := range r.s.Store.All(w.t.Context(), "") {
		require.NoError(w.t, err)
		if strings.Contains(rec.Key, "/in/q/") {
			r.records[rec.Key] = rec.Value
		}
	}
	left := r.headWithout(relay)
	r.takeDown(folder)
	r.bothWays()
	r.helpers(relay, desk)
	r.approvals(relay, left)
}

// enrolBoth makes the two ways at the real cost, and opens a request for each.
func (r *returning) enrolBoth() {
	t, ctx, s := r.w.t, r.w.t.Context(), r.s
	v := s.Amina.Vault
	for name, c := range map[string]vault.Compartment{"Lettre": vault.Shared, "يوميات": vault.Private} {
		_, err := v.AddNote(ctx, name, vault.Note{Text: "text"}, vault.Place{Compartment: c, Channel: "web"})
		require.NoError(t, err)
	}
	day := 24 * time.Hour
	pictures := r.answersPath(
		vault.NewPath{Kind: vault.PathAnswersDesk, Private: true, Waits: [2]time.Duration{day, day}},
		storedParams{Form: 3, Waits: []int64{day.Milliseconds(), day.Milliseconds()}}, drawn...)
	pictures.Shown = r.w.must(seal.Marshal(struct {
		Pictures uint8 `cbor:"2,keyasint"`
	}{uint8(len(drawn))}))
	require.NoError(t, v.ChangePaths(ctx, vault.PathChange{Enrol: []vault.NewPath{r.sheetPath(vault.PathSheetRelay), pictures}}, s.Secret()))
	for _, kind := range []vault.PathKind{vault.PathSheetRelay, vault.PathAnswersDesk} {
		r.helps[kind] = s.Begin(t, kind)
	}
}

// helper is who opened the request of a kind.
func (r *returning) helper(side string, at *consenttest.Relay, who *consenttest.Staff, grant vault.GrantID, kind vault.PathKind) helper {
	t := r.w.t
	h := helper{side: side, holder: at.ID, grant: grant, name: who.Name(), request: r.helps[kind].Request.ID}
	h.guest = r.s.Post(t, who).Guest("other")
	v, err := r.s.OpenGrant(t.Context(), r.s.Amina.Vault.ID(), grant, h.guest)
	require.NoError(t, err)
	defer v.Close()
	record, err := r.s.Store.Get(t.Context(), r.s.Amina.Vault.ID().KeyOf("rq/"+h.request.String()))
	require.NoError(t, err)
	body, err := openingOf(v, h.request, record.Value)
	require.NoError(t, err)
	h.said = body.Said
	return h
}

// bothWays are the two ways, and what can be wrong with them.
func (r *returning) bothWays() {
	w, id := r.w, r.s.Amina.Vault.ID()
	of := func(kind vault.PathKind) []field {
		return []field{text("number", r.helps[kind].Number), text("code", r.helps[kind].Code)}
	}
	half := func(kind vault.PathKind, side string) string {
		return "record=" + id.KeyOf("rq/"+r.helps[kind].Request.ID.String()+"/"+side)
	}
	fields := slices.Concat([]field{text("kind", "return"), text("sheet", sheetCode())}, of(vault.PathSheetRelay), r.common, r.all(r.records))
	w.based("return-relay", "Somebody back by their sheet and a relay.", showReturn, fields...)
	r.broken("return-relay", "half-flipped", "not-ready", "The half of the relay was altered: it is given again.", change("flip", half(vault.PathSheetRelay, "r"), "1500"))
	r.broken("return-relay", "desk-half", "not-ready", "What the desk gave to another request.", recordOf(strings.TrimPrefix(half(vault.PathSheetRelay, "r"), "record="), r.records[strings.TrimPrefix(half(vault.PathAnswersDesk, "d"), "record=")]))
	other := "9234567890123456789012"
	r.broken("return-relay", "wrong-sheet", "sign-in", "Another sheet.", text("sheet", other+vault.CheckDigits(other)))
	arabic := strings.Map(func(d rune) rune { return d - '0' + '٠' }, grouped(sheetCode()))
	w.based("return-relay-as-typed", "The same sheet in other digits.", showReturn, text("base", "return-relay"), text("gone", "shows"), text("sheet", strings.ReplaceAll(arabic, string(' '-'0'+'٠'), " - ")))

	pictures := slices.Concat([]field{text("base", "return-relay"), text("gone", "shows"), text("sheet", "")}, of(vault.PathAnswersDesk), typed(drawn))
	w.based("return-pictures", "The same by a sequence of pictures and the desk.", showReturn, pictures...)
	r.broken("return-pictures", "half-flipped", "not-ready", "The half of the desk was altered: it is given again.", change("flip", half(vault.PathAnswersDesk, "d"), "1500"))
	turned := slices.Clone(drawn)
	slices.Reverse(turned)
	r.broken("return-pictures", "another-order", "sign-in", "The same pictures in another order.", typed(turned)...)
	r.broken("return-pictures", "no-picture", "invalid", "One is none of those that there are.", typed(append(slices.Clone(drawn[:5]), "unicorn"))...)
	r.broken("return-pictures", "too-few", "invalid", "One is missing.", typed(drawn[:5])...)
}

// helpers are what a relay and a desk hold: halves, and the requests that these let them read.
func (r *returning) helpers(all ...helper) {
	id := r.s.Amina.Vault.ID()
	head, err := seal.OpenOwnerHead(id, r.records[id.KeyOf("h/o")])
	require.NoError(r.w.t, err)
	for _, h := range all {
		base, inbox := "helper-"+h.side, h.guest.Keys[0]
		r.w.based(base, "What a "+h.side+" holds of a way back in, and what it reads of a request.", showHelper,
			text("base", "return-relay"), text("gone", "shows"), text("kind", "helper"), text("vault", id.String()), text("grant", h.grant.String()), text("holder", h.holder.String()),
			hexed("key", inbox.Bytes()), hexed("signer", h.guest.Signer.Bytes()), hexed("credential", h.guest.Credential), text("name", h.name), hexed("pinned", head.Key))
		r.broken(base, "another-person", "untrusted-key", "The key of the first contact was another.", hexed("pinned", r.w.public(0x66)))
		tampered := "tampered grant " + h.grant.String()
		forged := func(name, comment string, c vault.GrantChange) {
			f := r.s.Amina.Vault.NewForge(r.records)
			f.Grant(h.grant, h.holder, inbox, c)
			var fields []field
			for _, key := range slices.Sorted(maps.Keys(f.Changed)) {
				fields = append(fields, recordOf(key, f.Changed[key]))
			}
			r.broken(base, name, tampered, comment, fields...)
		}
		forged("other-half", "Another half than the terms commit to.", vault.GrantChange{Halves: vault.OtherHalf})
		forged("no-half", "The terms commit to halves, and there is none.", vault.GrantChange{Halves: vault.NoHalves})
		forged("half-of-nothing", "There is a half, and the terms say nothing of it.", vault.GrantChange{Terms: func(t *vault.Terms) { t.Halves = nil }})
		r.broken(base, "flipped", tampered, "One bit of the grant.", change("flip", "record="+id.KeyOf("g/"+h.grant.String()), "1500"))
		r.broken(base, "request-flipped", "tampered a request", "One bit of who opened the request.", recordOf(r.flippedOpening(h)))
		r.broken(base, "note-flipped", "tampered a request", "One bit of the note that asks.", change("flip", "record="+r.noteOf(h.holder), "1500"))
	}
}

// flippedOpening is a request, of which one bit of what is under the half is another.
func (r *returning) flippedOpening(h helper) (key string, value []byte) {
	key = r.s.Amina.Vault.ID().KeyOf("rq/" + h.request.String())
	var body storedRequest
	require.NoError(r.w.t, seal.Unmarshal(r.records[key], &body))
	body.Opening[100] ^= 1
	return key, r.w.must(seal.Marshal(body))
}

func (r *returning) noteOf(holder vault.ID) string {
	for key := range r.records {
		if strings.HasPrefix(key, holder.KeyOf("in/q/")) {
			return key
		}
	}
	require.Fail(r.w.t, "nobody was asked")
	return ""
}

// headWithout is the head of a relay's space once who helps does not work there any more.
func (r *returning) headWithout(h helper) []byte {
	t := r.w.t
	_, err := r.s.Harbour.Desk(t).Remove(t.Context(), r.s.Samir.ID())
	require.NoError(t, err)
	head, err := r.s.Store.Get(t.Context(), h.holder.KeyOf("h/o"))
	require.NoError(t, err)
	return head.Value
}

// approvals are what the witness is told, and what is wrong with it.
func (r *returning) approvals(h helper, left []byte) {
	s, head := r.s, h.holder.KeyOf("h/o")
	r.w.based("approval", "What somebody of a relay says about a request, as the witness reads it.", showApproval, text("kind", "approval"), text("vault", s.Amina.Vault.ID().String()),
		number("now", uint64(s.Clock.Now().UnixMilli())), data("statement", h.said), recordOf(head, r.records[head]))
	broken := func(name, comment string, fields ...field) {
		r.broken("approval", name, "tampered an approval", comment, fields...)
	}
	broken("flipped", "One bit of the last signature.", change("flip", "statement", itoa(len(h.said)-1)))
	broken("of-another-vault", "About somebody else.", text("vault", h.holder.String()))
	broken("of-another-relay", "By the head of another space.", recordOf(head, r.records[s.Line.ID.KeyOf("h/o")]))
	broken("who-has-left", "Whoever said it does not work there any more.", recordOf(head, left))
}
