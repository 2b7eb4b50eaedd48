package witness

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// Kept is one record of the owner side of a vault: everything that a restore of
// the operator's store from a backup must not set back, so that a replaced
// password and a withdrawn grant stay dead (N16). All of it is ciphertext.
type Kept = struct {
	Key   string // the whole key of the record in the operator's store
	Value []byte
}

// What one owner side may hold. Real ones have some ten records and some tens of
// kilobytes.
const (
	MaxSideRecords = 1024
	MaxSideBytes   = 4 << 20 // of keys and values together
)

// sideChunk is how much of an owner side lies in one record of the witness's own.
const sideChunk = storage.MaxValue / 2

// maxSideChunks bounds the records of one kept owner side: the encoding of a
// record takes less than 32 bytes beside its key and value.
const maxSideChunks = (MaxSideBytes+MaxSideRecords*32)/sideChunk + 1

// Keep keeps the owner side that belongs to the signed owner head owner: the
// records that its digests name (keyrings, wrapping key, keyslots, Owner's
// pages), all of them, and with them whatever else belongs to it (Owner's papers,
// the login record). It is to be called before that head is raised. At most two
// are kept of a vault: that of the owner head that is raised, and the latest
// after it. Kept when Keep returns.
//
// The head is verified as by [Witness.Raise], and each of its digests must be
// that of a record. The other records can only be counted: who steals the
// credential of a client can spoil those of a head that is still to be kept, and
// nothing else; what was kept for a head is never replaced. Of a head earlier
// than the one that is raised, or of a fork, nothing is kept, which is no error.
//
// Errors: ErrInvalid (also for more than MaxSideRecords or MaxSideBytes),
// ErrForged, ErrUntrustedKey, ErrErased, ErrRestore, ErrUnavailable, ErrDamaged,
// ErrClosed.
func (w *Witness) Keep(ctx context.Context, vault [16]byte, owner []byte, side []Kept) error {
	if w.pending.isClosed() {
		return ErrClosed
	}
	r, err := newOwnerReport(vault, owner)
	if err == nil {
		err = checkSide(r.head, side)
	}
	if err != nil {
		return closedSet("keep", err)
	}
	chunks, err := sideChunks(side)
	if err != nil {
		return closedSet("keep", err)
	}
	leave, err := w.queue.enter(ctx, vaultKey(vault))
	if err != nil {
		return closedSet("keep", err)
	}
	defer leave()
	return closedSet("keep", w.store.Transact(ctx, func(tx *storage.Tx) error {
		return keep(tx, r, chunks)
	}))
}

func keep(tx *storage.Tx, r *report, chunks [][]byte) error {
	s, err := loadState(tx.Get, r.vault)
	if err != nil {
		return err
	}
	raised, c := s.heads[ownerName], r.checkpoint()
	if err := s.take(r); err != nil {
		return err
	}
	if c != s.heads[ownerName] {
		return nil // late, or a fork: Raise says so
	}
	kept, err := tx.Scan(sidesPrefix(r.vault), "", 2*maxSideChunks)
	if err != nil {
		return err
	}
	own, ofRaised := sidePrefix(r.vault, c), sidePrefix(r.vault, raised)
	for _, k := range kept {
		switch {
		case strings.HasPrefix(k.Key, own):
			return nil // the same again; or somebody else's, who came too late to spoil it
		case strings.HasPrefix(k.Key, ofRaised):
		case k.Key > own && !sameOrder(k.Key, own):
			return nil // of a later head, which another process is about to raise
		default:
			tx.Delete(k.Key)
		}
	}
	for n, chunk := range chunks {
		// The whole commit follows from what is in it: whoever finds it may take it
		// for this one.
		tx.PutUnique(fmt.Sprintf("%s%02d", own, n), append([]byte{form}, chunk...))
	}
	return nil
}

// dropSides deletes the owner sides of a vault that were kept for earlier heads
// than c: with them go the keyslots that it replaced.
func dropSides(tx *storage.Tx, vault [16]byte, c Checkpoint) error {
	kept, err := tx.Scan(sidesPrefix(vault), "", 2*maxSideChunks)
	if err != nil {
		return err
	}
	own := sidePrefix(vault, c)
	for _, k := range kept {
		if k.Key < own && !sameOrder(k.Key, own) {
			tx.Delete(k.Key)
		}
	}
	return nil
}

// sameOrder says whether two keys of owner sides are of heads with one epoch and
// version.
func sameOrder(a, b string) bool {
	const end = len(sideTable) + 32 + 1 + 32
	return len(a) > end && len(b) > end && a[:end] == b[:end]
}

// checkSide holds an owner side against the head that it belongs to.
func checkSide(head *seal.OwnerHead, side []Kept) error {
	if head.Erased != 0 {
		return fmt.Errorf("%w: nothing is kept with a tombstone", ErrInvalid)
	}
	if len(side) > MaxSideRecords {
		return fmt.Errorf("%w: an owner side of %d records", ErrInvalid, len(side))
	}
	seen, found, size := map[string]bool{}, map[string]bool{}, 0
	for _, k := range side {
		if size += len(k.Key) + len(k.Value); size > MaxSideBytes {
			return fmt.Errorf("%w: an owner side of more than %d bytes", ErrInvalid, MaxSideBytes)
		}
		if len(k.Key) == 0 || len(k.Key) > storage.MaxKey || !utf8.ValidString(k.Key) || seen[k.Key] {
			return fmt.Errorf("%w: a key of the owner side is malformed or given twice", ErrInvalid)
		}
		digest := seal.Digest(k.Value)
		seen[k.Key], found[string(digest[:])] = true, true
	}
	for _, digest := range sideDigests(head) {
		if !found[string(digest)] {
			return fmt.Errorf("%w: the owner side lacks the record with digest %s", ErrInvalid, hex.EncodeToString(digest))
		}
	}
	return nil
}

// sideDigests are those of the records that an owner head names. That of a directory
// names pages only.
func sideDigests(h *seal.OwnerHead) [][]byte {
	digests := slices.Clone(h.Pages)
	if h.Kind != seal.KindDirectory {
		digests = append(digests, h.Wrapping)
	}
	for _, c := range h.Compartments {
		digests = append(digests, c.Keyring)
	}
	for _, s := range h.Slots {
		digests = append(digests, s.Digest)
	}
	if h.Rules != nil {
		digests = append(digests, h.Rules)
	}
	for _, l := range h.Locked {
		digests = append(digests, l.Keyring, l.Head)
	}
	return digests
}

// sideRecord is a record of the owner side as it is stored.
type sideRecord struct {
	Key   string `cbor:"1,keyasint"`
	Value []byte `cbor:"2,keyasint"`
}

// sideChunks encodes an owner side in pieces that fit into records.
func sideChunks(side []Kept) ([][]byte, error) {
	records := make([]sideRecord, len(side))
	for i, k := range side {
		records[i] = sideRecord{Key: k.Key, Value: k.Value}
	}
	b, err := seal.Marshal(records)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var chunks [][]byte
	for len(b) > sideChunk {
		chunks, b = append(chunks, b[:sideChunk]), b[sideChunk:]
	}
	return append(chunks, b), nil
}

// OwnerSide returns the latest owner head of a vault as it was signed, or its
// tombstone, and the records that were kept for it: what a store that lost,
// hides or was legitimately set back can be set right with. side is nil where
// none was kept for this head, and for a tombstone.
//
// Errors: ErrUnregistered, ErrUnavailable, ErrDamaged, ErrClosed.
func (w *Witness) OwnerSide(ctx context.Context, vault [16]byte) (owner []byte, side []Kept, err error) {
	if w.pending.isClosed() {
		return nil, nil, ErrClosed
	}
	err = w.store.Transact(ctx, func(tx *storage.Tx) error { // both of one instant
		owner, side, err = ownerSide(tx, vault)
		return err
	})
	if err != nil {
		return nil, nil, closedSet("owner side", err)
	}
	return owner, side, nil
}

func ownerSide(tx *storage.Tx, vault [16]byte) (owner []byte, side []Kept, err error) {
	r, err := tx.Get(ownerKey(vault))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil, ErrUnregistered
	}
	if err != nil {
		return nil, nil, err
	}
	if owner, err = body(r); err != nil {
		return nil, nil, err
	}
	s, err := loadState(tx.Get, vault)
	if err != nil {
		return nil, nil, err
	}
	chunks, err := tx.Scan(sidePrefix(vault, s.heads[ownerName]), "", maxSideChunks)
	if err != nil || len(chunks) == 0 {
		return owner, nil, err
	}
	if side, err = readSide(chunks); err != nil {
		return nil, nil, err
	}
	return owner, side, nil
}

// readSide reads an owner side from its pieces; nil if there are none.
func readSide(chunks []storage.Record) (side []Kept, err error) {
	if len(chunks) == 0 {
		return nil, nil
	}
	var b []byte
	for _, chunk := range chunks {
		part, err := body(chunk)
		if err != nil {
			return nil, err
		}
		b = append(b, part...)
	}
	var records []sideRecord
	if err := seal.Unmarshal(b, &records); err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrDamaged, chunks[0].Key, err)
	}
	if len(records) == 0 { // every head names some
		return nil, fmt.Errorf("%w: %q is empty", ErrDamaged, chunks[0].Key)
	}
	side = make([]Kept, len(records))
	for i, k := range records {
		side[i] = Kept{Key: k.Key, Value: k.Value}
	}
	return side, nil
}
