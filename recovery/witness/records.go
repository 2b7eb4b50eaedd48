package witness

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// The store of a witness. Ids are in hexadecimal; every value begins with one
// byte, its form, so that a later form can be told from this one. What follows
// is CBOR (structs below) unless said otherwise.
//
//	vault/<vault>                        1 | vaultRecord: keys and checkpoints; after erasure the tombstone's
//	owner/<vault>                        1 | the latest owner head as it was signed; a tombstone stays for ever
//	side/<vault>/<epoch><version>/<hash>/<n>  1 | piece n, from 00, of the CBOR of a list of sideRecord: the owner side of this owner head
//	restore/<vault>                      1 | the complete statement that began the restore epoch (seal.CountersignRestore)
//	fork/<vault>/<head>/<n>              1 | forkRecord: evidence, n from 0 to 3, the earliest ones
//	count/<vault>/<counter>              1 | counterRecord; dropped after 30 days without a try, but see Evaluated
//	due/<hour>/<vault>/count/<counter>   empty: when to look at a counter (storage.DueKey)
//	policy/<vault>                       1 | policyRecord: when counters are evaluated within requests
//	request/<vault>/<request>            1 | requestRecord; dropped 30 days after it has expired
//	due/<hour>/<vault>/request/<request> empty: when to drop it
//	clock                                1 | clockRecord: the highest time of the witness
//	key/<generation>                     1 | keyRecord: a key of Evaluate, the generation in 16 hexadecimal digits
//	key                                  1 | latestRecord: the latest generation; guards the drawing of another
//	escrow                               1 | escrowRecord: up to which generation the keys are in an escrow
//	loss                                 1 | lossRecord: this store began after another was lost
//
// One commit holds all that one call changes.
const (
	form         = 1
	vaultTable   = "vault/"
	ownerTable   = "owner/"
	sideTable    = "side/"
	restoreTable = "restore/"
	forkTable    = "fork/"
	countTable   = "count/"
	policyTable  = "policy/"
	requestTable = "request/"
	clockKey     = "clock"
	keyTable     = "key/"
	latestKeyKey = "key"
	escrowKey    = "escrow"
	lossKey      = "loss"

	dueCount = "count/" // what the due entry of a counter begins with
)

// vaultRecord is what the witness knows of one vault. A vault without a record
// is unregistered.
type vaultRecord struct {
	Key     []byte       `cbor:"1,keyasint"` // public key that signs the owner head
	First   []byte       `cbor:"2,keyasint"` // the key it was registered with
	Service []byte       `cbor:"3,keyasint"` // public key that signs the journal's head
	Restore uint64       `cbor:"4,keyasint"` // restore epoch
	Erased  int64        `cbor:"5,keyasint"` // as in the tombstone; 0: not erased
	Floor   uint64       `cbor:"6,keyasint"` // a new counter begins here, see sweep.go
	Heads   []headRecord `cbor:"7,keyasint"` // in the order of headNames
}

// headRecord is one checkpoint. Head is its place in headNames.
type headRecord struct {
	Head    uint8    `cbor:"1,keyasint"`
	Restore uint64   `cbor:"2,keyasint"`
	Version uint64   `cbor:"3,keyasint"`
	Hash    [32]byte `cbor:"4,keyasint"`
}

// forkRecord is evidence that a head was seen twice with one version.
type forkRecord struct {
	Restore    uint64   `cbor:"1,keyasint"`
	Version    uint64   `cbor:"2,keyasint"`
	Remembered [32]byte `cbor:"3,keyasint"`
	Reported   [32]byte `cbor:"4,keyasint"`
	Owner      []byte   `cbor:"5,keyasint"` // the reported owner head; nothing for the other heads
	Seen       int64    `cbor:"6,keyasint"` // Unix milliseconds
}

// counterRecord counts the tries at one secret. Total never falls, so that a
// reset statement names one moment and is worth nothing afterwards.
type counterRecord struct {
	Total uint64 `cbor:"1,keyasint"` // tries counted
	Reset uint64 `cbor:"2,keyasint"` // how many of them were set right by a statement
	Last  int64  `cbor:"3,keyasint"` // the latest counted try, Unix milliseconds of the witness's time
	// Mark is random with each writing. A number that went up by one may be
	// anybody's doing; by the mark it is known, when the answer to a commit was
	// lost, that it was this commit and not another's.
	Mark []byte `cbor:"4,keyasint,omitempty"`
	// Evaluated: tries of it were evaluated. It is kept while some stand as failed,
	// or a guesser would have another twenty every month.
	Evaluated bool `cbor:"5,keyasint,omitempty"`
}

// keyRecord is one generation of the key of Evaluate. It lies here in the clear:
// what protects it is that the witness is elsewhere.
type keyRecord struct {
	Key []byte `cbor:"1,keyasint"` // 32 random bytes
}

// latestRecord names the generation that new evaluations use.
type latestRecord struct {
	Generation uint64 `cbor:"1,keyasint"`
}

// clockRecord is the witness's time of the latest try that was counted.
type clockRecord struct {
	Highest int64 `cbor:"1,keyasint"` // Unix milliseconds
}

func vaultKey(vault [16]byte) string { return vaultTable + hex.EncodeToString(vault[:]) }

func ownerKey(vault [16]byte) string { return ownerTable + hex.EncodeToString(vault[:]) }

// sidesPrefix begins all owner sides of a vault, earlier ones first, and
// sidePrefix that of one owner head.
func sidesPrefix(vault [16]byte) string { return sideTable + hex.EncodeToString(vault[:]) + "/" }

func sidePrefix(vault [16]byte, c Checkpoint) string {
	return fmt.Sprintf("%s%016x%016x/%x/", sidesPrefix(vault), c.Restore, c.Version, c.Hash)
}

func restoreKey(vault [16]byte) string { return restoreTable + hex.EncodeToString(vault[:]) }

// forkPrefix begins all evidence of a vault, and countPrefix all its counters.
func forkPrefix(vault [16]byte) string { return forkTable + hex.EncodeToString(vault[:]) + "/" }

func countPrefix(vault [16]byte) string { return countTable + hex.EncodeToString(vault[:]) + "/" }

func forkKey(vault [16]byte, head string, n int) string {
	return fmt.Sprintf("%s%s/%d", forkPrefix(vault), head, n)
}

func countKey(vault [16]byte, counter [32]byte) string {
	return countPrefix(vault) + hex.EncodeToString(counter[:])
}

// dueKey is where a counter stands in the index of deadlines if its latest try
// was at last: its deadline is when nobody has used it for [forgetAfter].
func dueKey(vault [16]byte, counter [32]byte, last int64) string {
	return storage.DueKey(time.UnixMilli(last).Add(forgetAfter), hex.EncodeToString(vault[:]), dueCount+hex.EncodeToString(counter[:]))
}

// encode makes a stored value of one of the records above.
func encode(record any) ([]byte, error) {
	b, err := seal.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return append([]byte{form}, b...), nil
}

// decode reads a stored value into record, a pointer to a zero value.
func decode(r storage.Record, record any) error {
	body, err := body(r)
	if err != nil {
		return err
	}
	if err := seal.Unmarshal(body, record); err != nil {
		return fmt.Errorf("%w: %q: %w", ErrDamaged, r.Key, err)
	}
	return nil
}

// body returns what follows the form.
func body(r storage.Record) ([]byte, error) {
	if len(r.Value) == 0 || r.Value[0] != form {
		return nil, fmt.Errorf("%w: %q has a form that this version does not know", ErrDamaged, r.Key)
	}
	return r.Value[1:], nil
}

// get is a read of a record that may be missing, from a store or a transaction.
func get(read func(key string) (storage.Record, error), key string, record any) (found bool, err error) {
	r, err := read(key)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, decode(r, record)
}

// putCounter writes a counter under a new mark.
func putCounter(tx *storage.Tx, key string, c counterRecord) error {
	c.Mark = make([]byte, markSize)
	_, _ = rand.Read(c.Mark) // never fails
	b, err := encode(c)
	if err != nil {
		return err
	}
	tx.PutUnique(key, b)
	return nil
}

const markSize = 16

func put(tx *storage.Tx, key string, record any) error {
	b, err := encode(record)
	if err != nil {
		return err
	}
	tx.Put(key, b)
	return nil
}
