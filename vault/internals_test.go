package vault

import (
	"bytes"
	"context"
	"io"
	"strings"

	"reconnect.example/internal/seal"
)

// What tests outside the package need to see of its inside.

// CountDerivations counts how often a secret is derived from now on, one at a
// time. Nobody may be signing in when it is called, nor when stop is.
func (s *Vaults) CountDerivations() (count func() int, stop func()) {
	slots, was := make(chan struct{}), s.derive.slots
	n, done := 0, make(chan struct{})
	s.derive.slots = slots
	counted := make(chan func(), 1)
	go func() {
		defer close(done)
		for {
			select {
			case <-slots: // somebody enters
				n++
				slots <- struct{}{} // and leaves
			case f := <-counted:
				if f == nil {
					return
				}
				f()
			}
		}
	}()
	count = func() (out int) {
		seen := make(chan struct{})
		counted <- func() { out = n; close(seen) }
		<-seen
		return out
	}
	return count, func() {
		counted <- nil
		<-done
		s.derive.slots = was
	}
}

// OccupySignIns takes every place in the queue of sign-ins.
func (s *Vaults) OccupySignIns() (release func()) {
	d := s.derive
	for range cap(d.slots) {
		d.slots <- struct{}{}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting += d.room
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.waiting -= d.room
		for range cap(d.slots) {
			<-d.slots
		}
	}
}

// Keys are the secrets that an open vault holds.
func (v *Vault) Keys() (keys map[Compartment][]seal.Key, inboxes []seal.BoxKey, signer seal.SigningKey) {
	keys = map[Compartment][]seal.Key{}
	for c, ring := range v.rings {
		for _, g := range ring.generations {
			keys[c] = append(keys[c], g.key)
			inboxes = append(inboxes, g.inbox)
		}
	}
	return keys, inboxes, v.signer
}

// ServiceKeys are the secrets that a service holds while nobody is signed in,
// and the wrapping key of a vault, which its key service opens.
func (s *Vaults) ServiceKeys(ctx context.Context, id ID) (keys []seal.Key, operator seal.BoxKey, err error) {
	rec, err := s.cfg.Store.Get(ctx, id.wrappingKey())
	if err != nil {
		return nil, operator, err
	}
	raw, err := unkeep(ctx, s.cfg.Keeper, id.wrappingContext(), rec.Value)
	if err != nil {
		return nil, operator, err
	}
	keys = append(keys, s.keys.lookup, seal.DeriveKey(s.keys.lookup.Bytes(), "login records", nil))
	for _, raw := range [][]byte{s.keys.signer.Bytes(), s.keys.operator.Bytes(), raw} { // as if they were of another kind, the wrapping key last
		k, err := seal.KeyFromBytes(raw)
		if err != nil {
			return nil, operator, err
		}
		keys = append(keys, k)
	}
	return keys, s.keys.operator, nil
}

// DataKey returns the key of a document from its record, if key opens that.
func DataKey(id ID, stored string, record []byte, key seal.Key) (data seal.Key, ok bool) {
	item, err := ParseItemID(strings.TrimPrefix(stored, id.key("i/")))
	if err != nil {
		return data, false
	}
	clear, err := parseRecordClear(record)
	for _, c := range []Compartment{Shared, Private} {
		_, raw, openErr := key.Open(id.bind(seal.TypeItem, c, clear.Generation, item[:], clear.Revision), record)
		var body recordBody
		if err == nil && openErr == nil && seal.Unmarshal(raw, &body) == nil && len(body.Keys) == 1 {
			data, err = seal.KeyFromBytes(body.Keys[0])
			return data, err == nil
		}
	}
	return data, false
}

// OpensBlob says whether a key opens the document of a record.
func OpensBlob(id ID, stored string, record, blob []byte, size int64, key seal.Key) bool {
	item, err := ParseItemID(strings.TrimPrefix(stored, id.key("i/")))
	clear, clearErr := parseRecordClear(record)
	if err != nil || clearErr != nil || len(clear.Parts) != 1 {
		return false
	}
	r, err := seal.NewStreamReader(bytes.NewReader(blob), key, blobContext(id, item, clear.Parts[0], 0), size)
	if err != nil {
		return false
	}
	_, err = io.ReadAll(r)
	return err == nil
}

// Opens says whether a stored record opens with a key, in the place where it was
// found, whichever compartment it may be of.
func Opens(id ID, stored string, record []byte, key seal.Key) bool {
	kind, object, _ := strings.Cut(strings.TrimPrefix(stored, id.key("")), "/")
	_, clear, err := seal.ParseClear(record)
	if err != nil {
		return false
	}
	opens := func(t seal.Type, c Compartment, generation uint64, object []byte, revision uint64) bool {
		_, _, err := key.Open(id.bind(t, c, generation, object, revision), record)
		return err == nil
	}
	raw, _ := idText.DecodeString(object)
	for _, c := range append(compartments[:], 0) {
		var head clearHead
		var pageHead pageClear
		var ring keyringClear
		var item recordClear
		var paper paperClear
		switch {
		case kind == "h" && seal.Unmarshal(clear, &head) == nil && opens(c.headType(), c, head.Generation, nil, head.Version),
			kind == "k" && seal.Unmarshal(clear, &ring) == nil && opens(seal.TypeKeyring, c, 0, nil, ring.Version),
			kind == "x" && seal.Unmarshal(clear, &pageHead) == nil && opens(seal.TypePage, c, pageHead.Generation, pageObject(int(object[2]-'0')), 0),
			kind == "i" && seal.Unmarshal(clear, &item) == nil && opens(seal.TypeItem, c, item.Generation, raw, item.Revision),
			kind == "o" && seal.Unmarshal(clear, &paper) == nil && opens(seal.TypeOwnerPaper, c, paper.Generation, raw, paper.Revision),
			kind == "s" && opens(seal.TypeKeyslot, c, 0, raw, 0),
			kind == "n" && opens(seal.TypeSession, c, 0, raw, 0):
			return true
		}
	}
	return false
}

// OpensLine says whether a line of the journal opens with an inbox key.
func OpensLine(id ID, number uint64, record []byte, inbox seal.BoxKey) bool {
	clear, err := parseEntry(number, record)
	if err != nil {
		return false
	}
	_, _, err = inbox.Open(entryContext(id, clear.Generation, number, clear.Before), record)
	return err == nil
}

// OpensStop says whether an inbox key opens a stop of sessions.
func OpensStop(id ID, record []byte, inbox seal.BoxKey) bool {
	_, head, err := seal.ParseClear(record)
	var clear stopClear
	if err != nil || seal.Unmarshal(head, &clear) != nil {
		return false
	}
	_, _, err = inbox.Open(stopContext(id, clear.Generation, clear.Number), record)
	return err == nil
}

// OpensRoots says whether a key opens any root in a keyslot, given the wrapping
// key, which opens what is around them.
func OpensRoots(id ID, stored string, record []byte, wrapping, key seal.Key) bool {
	raw, _ := idText.DecodeString(strings.TrimPrefix(stored, id.key("s/")))
	slot := [16]byte(raw)
	digest := seal.Digest(record)
	b, err := openSlotBody(id, seal.SlotEntry{ID: slot, Kind: slotPassword, Digest: digest[:]}, record, wrapping)
	if err != nil || len(b.Roots) != len(compartments) {
		panic("the keyslot does not open with its wrapping key")
	}
	for _, r := range b.Roots {
		if _, _, err := key.OpenCommitted(id.rootContext(Compartment(r.Compartment), slot), r.Envelope); err == nil {
			return true
		}
	}
	return false
}

// PasswordKey is what a password and the parameters in a keyslot give.
func PasswordKey(id ID, stored string, record []byte, wrapping seal.Key, password string) (seal.Key, error) {
	raw, _ := idText.DecodeString(strings.TrimPrefix(stored, id.key("s/")))
	digest := seal.Digest(record)
	b, err := openSlotBody(id, seal.SlotEntry{ID: [16]byte(raw), Kind: slotPassword, Digest: digest[:]}, record, wrapping)
	if err != nil {
		return seal.Key{}, err
	}
	return b.KDF.Derive([]byte(password))
}

// ReplaceSlot does what a program with other rules would do: it puts a password
// slot with other parameters into the vault, signed by the vault's own key.
func (v *Vault) ReplaceSlot(ctx context.Context, login, password string, change func(*seal.KDF)) error {
	p, err := v.prove(ctx, login, password)
	if err != nil {
		return err
	}
	entry := seal.SlotEntry{ID: newID(), Kind: slotPassword, State: slotActive}
	body := slotBody{Kind: slotPassword, KDF: seal.NewKDF()}
	key, err := body.KDF.Derive([]byte(password))
	if err != nil {
		return err
	}
	change(&body.KDF)
	for _, c := range compartments {
		envelope, err := key.SealCommitted(v.id.rootContext(c, entry.ID), nil, p.roots[c].Bytes())
		if err != nil {
			return err
		}
		body.Roots = append(body.Roots, slotRoot{Compartment: uint8(c), Envelope: envelope})
	}
	raw, err := seal.Marshal(body)
	if err != nil {
		return err
	}
	record, err := p.wrapping.Seal(v.id.bind(seal.TypeKeyslot, Owner, 0, entry.ID[:], 0), nil, raw)
	if err != nil {
		return err
	}
	digest := seal.Digest(record)
	entry.Digest = digest[:]
	return v.changeOwner(ctx, func(t *turn) error {
		t.replaceSlots(entry, record)
		return nil
	})
}

// ForgeLine does what a service that was taken over could do: it appends a line
// to the journal, in the person's name, without their key. The handle is of no
// use afterwards.
func (v *Vault) ForgeLine(ctx context.Context, signer seal.SigningKey) error {
	return v.do(ctx, func(t *turn) error {
		t.signer = signer
		t.note(ActExported, nil, nil)
		return nil
	})
}
