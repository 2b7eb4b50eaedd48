package witness

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// What server and client say to each other: POST /v1/<call> with a request in
// JSON, answered with 200 and an answer in JSON, or with another status and a
// refusal. docs/witness.md shows each.
//
// There is one spelling of everything. Ids and hashes are hexadecimal in lower
// case, byte strings are base64 with padding (RFC 4648), times and durations are
// milliseconds, and a message is what Go's encoding/json makes of the structs
// below: every member, in this order, without spaces. What is spelt in another
// way is refused. So no member can be left out (an answer without "wait" would
// allow a try), given twice, or be unknown, and nothing comes after the end.
const (
	wirePath   = "/v1/"
	healthPath = wirePath + "health" // GET
	wireType   = "application/json"
)

// id and hash are spelt as their texts.
type (
	id   [16]byte
	hash [32]byte
)

func (i id) MarshalText() ([]byte, error)       { return hexText(i[:]), nil }
func (i *id) UnmarshalText(text []byte) error   { return fromHex(i[:], text) }
func (h hash) MarshalText() ([]byte, error)     { return hexText(h[:]), nil }
func (h *hash) UnmarshalText(text []byte) error { return fromHex(h[:], text) }
func hexText(b []byte) []byte                   { return []byte(hex.EncodeToString(b)) }

func fromHex(into, text []byte) error {
	if hex.DecodedLen(len(text)) != len(into) || len(text)%2 != 0 {
		return fmt.Errorf("%d characters", len(text))
	}
	_, err := hex.Decode(into, text)
	return err
}

type (
	wireHead struct {
		Head    string `json:"head"`
		Restore uint64 `json:"restore"`
		Version uint64 `json:"version"`
		Hash    hash   `json:"hash"`
	}
	wireFork struct {
		Remembered wireHead `json:"remembered"`
		Reported   wireHead `json:"reported"`
		Owner      []byte   `json:"owner"`
		Seen       int64    `json:"seen"` // Unix milliseconds
	}
	wireKept struct {
		Key   string `json:"key"`
		Value []byte `json:"value"`
	}
)

// Requests.
type (
	inboxRequest struct{}
	aboutVault   struct { // latest, owner-side, restored, forks
		Vault id `json:"vault"`
	}
	raiseRequest struct {
		Vault   id         `json:"vault"`
		Heads   []wireHead `json:"heads"`
		Owner   []byte     `json:"owner"`
		Durable bool       `json:"durable"`
	}
	keepRequest struct {
		Vault id         `json:"vault"`
		Owner []byte     `json:"owner"`
		Side  []wireKept `json:"side"`
	}
	restoreRequest struct {
		Vault     id     `json:"vault"`
		Statement []byte `json:"statement"`
	}
	vaultsRequest struct {
		After id  `json:"after"`
		Limit int `json:"limit"`
	}
	countRequest struct { // count, tried
		Vault   id   `json:"vault"`
		Counter hash `json:"counter"`
	}
	evaluateRequest struct {
		Vault      id     `json:"vault"`
		Counter    hash   `json:"counter"`
		Input      hash   `json:"input"`
		Generation uint64 `json:"generation"` // 0: the latest
	}
	evaluateWithinRequest struct {
		Vault      id     `json:"vault"`
		Request    id     `json:"request"`
		Counter    hash   `json:"counter"`
		Input      hash   `json:"input"`
		Generation uint64 `json:"generation"` // 0: the latest
	}
	approvalRequest struct { // begin, approve
		Vault    id     `json:"vault"`
		Approval []byte `json:"approval"`
	}
	cancelRequest struct {
		Vault   id `json:"vault"`
		Request id `json:"request"` // zeros: all
	}
	resetRequest struct {
		Vault     id     `json:"vault"`
		Counter   hash   `json:"counter"`
		Statement []byte `json:"statement"`
	}
)

// Answers. Each says what it is about, so that one that went astray is noticed.
type (
	headsAnswer struct { // latest, raise
		Vault id         `json:"vault"`
		Heads []wireHead `json:"heads"`
	}
	ownerSideAnswer struct {
		Vault id         `json:"vault"`
		Owner []byte     `json:"owner"`
		Side  []wireKept `json:"side"` // null: none was kept
	}
	inboxAnswer struct {
		Inbox []byte `json:"inbox"`
	}
	completeAnswer struct { // restore, restored
		Vault    id     `json:"vault"`
		Complete []byte `json:"complete"` // null: never restored
	}
	vaultsAnswer struct {
		After  id   `json:"after"`
		Vaults []id `json:"vaults"`
	}
	forksAnswer struct {
		Vault id         `json:"vault"`
		Forks []wireFork `json:"forks"`
	}
	countAnswer struct {
		Vault   id     `json:"vault"`
		Counter hash   `json:"counter"`
		Total   uint64 `json:"total"`
		Failed  uint64 `json:"failed"`
		Wait    int64  `json:"wait"` // milliseconds; more than 0: refused, not counted
	}
	triedAnswer struct { // tried, and the beginning of evaluate
		Vault   id     `json:"vault"`
		Counter hash   `json:"counter"`
		Total   uint64 `json:"total"`
		Failed  uint64 `json:"failed"`
		Wait    int64  `json:"wait"`  // milliseconds; evaluate: more than 0: refused, not counted
		Spent   bool   `json:"spent"` // evaluate: refused, not counted
	}
	evaluateAnswer struct {
		triedAnswer
		Generation uint64 `json:"generation"` // 0: refused
		Output     []byte `json:"output"`     // null: refused
	}
	wireRequest struct {
		Request   id      `json:"request"`
		Path      id      `json:"path"`
		Policy    uint64  `json:"policy"`
		Opened    int64   `json:"opened"` // Unix milliseconds
		Until     int64   `json:"until"`
		Wait      []int64 `json:"wait"` // what is left of each, milliseconds
		Relay     int     `json:"relay"`
		Desk      int     `json:"desk"`
		Needed    int     `json:"needed"`
		Cancelled bool    `json:"cancelled"`
		Served    bool    `json:"served"`
	}
	requestAnswer struct { // begin, approve
		Vault   id          `json:"vault"`
		Request wireRequest `json:"request"`
	}
	requestsAnswer struct {
		Vault    id            `json:"vault"`
		Requests []wireRequest `json:"requests"`
	}
	doneAnswer struct { // keep, reset, cancel
		Vault id `json:"vault"`
	}
	healthAnswer struct {
		Healthy bool `json:"healthy"`
	}
	refusal struct {
		Code string `json:"code"`
	}
)

var errSpelling = errors.New("not in the one spelling of the protocol")

// encodeWire spells a message.
func encodeWire(message any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(message); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decodeWire reads a message into a pointer to a zero value, and refuses any
// other spelling of it.
func decodeWire(spelt []byte, message any) error {
	if err := json.Unmarshal(spelt, message); err != nil {
		return errSpelling // the error of encoding/json may repeat what was sent
	}
	again, err := encodeWire(message)
	if err != nil || !bytes.Equal(again, spelt) {
		return errSpelling
	}
	return nil
}

// codes are how errors travel. They are stable: a code is never given another
// meaning.
var codes = []struct {
	code   string
	status int
	err    error
}{
	{codeInvalid, http.StatusBadRequest, ErrInvalid},
	{"forged", http.StatusUnprocessableEntity, ErrForged},
	{"untrusted-key", http.StatusUnprocessableEntity, ErrUntrustedKey},
	{"unregistered", http.StatusNotFound, ErrUnregistered},
	{"erased", http.StatusGone, ErrErased},
	{"restore", http.StatusConflict, ErrRestore},
	{"statement", http.StatusUnprocessableEntity, ErrStatement},
	{"generation", http.StatusUnprocessableEntity, ErrGeneration},
	{"ruled", http.StatusForbidden, ErrRuled},
	{"approval", http.StatusUnprocessableEntity, ErrApproval},
	{"request", http.StatusConflict, ErrRequest},
	{"damaged", http.StatusInternalServerError, ErrDamaged},
	{"closed", http.StatusServiceUnavailable, ErrClosed},
	{codeUnavailable, http.StatusServiceUnavailable, ErrUnavailable},
}

const (
	codeInvalid     = "invalid"
	codeUnavailable = "unavailable"
	codeUnknownCall = "unknown-call" // no such call, method or type of content: another protocol
)

// codeOf returns how an error travels. One of no sentinel is an unavailable witness.
func codeOf(err error) (code string, status int) {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code, c.status
		}
	}
	return codeUnavailable, http.StatusServiceUnavailable
}

// errorOf returns the sentinel of a code.
func errorOf(code string) error {
	for _, c := range codes {
		if c.code == code {
			return c.err
		}
	}
	return ErrUnavailable
}

func toWire(heads []Checkpoint) []wireHead {
	wire := make([]wireHead, len(heads))
	for i, c := range heads {
		wire[i] = wireHead{Head: c.Head, Restore: c.Restore, Version: c.Version, Hash: c.Hash}
	}
	return wire
}

func fromWire(wire []wireHead) []Checkpoint {
	heads := make([]Checkpoint, len(wire))
	for i, h := range wire {
		heads[i] = h.checkpoint()
	}
	return heads
}

func (h wireHead) checkpoint() Checkpoint {
	return Checkpoint{Head: h.Head, Restore: h.Restore, Version: h.Version, Hash: h.Hash}
}

func sideToWire(side []Kept) []wireKept {
	if side == nil {
		return nil // which says something else than an empty one
	}
	wire := make([]wireKept, len(side))
	for i, k := range side {
		wire[i] = wireKept{Key: k.Key, Value: k.Value}
	}
	return wire
}

func sideFromWire(wire []wireKept) []Kept {
	if wire == nil {
		return nil
	}
	side := make([]Kept, len(wire))
	for i, k := range wire {
		side[i] = Kept{Key: k.Key, Value: k.Value}
	}
	return side
}

// inOrder says whether heads are known ones, each at most once, in their order.
func inOrder(heads []wireHead) bool {
	before := -1
	for _, h := range heads {
		place := placeOf(h.Head)
		if place <= before {
			return false
		}
		before = place
	}
	return true
}

// milliseconds rounds up: what is left of a wait must not become nothing on the
// way, since nothing means that the try was counted.
func milliseconds(wait time.Duration) int64 {
	return int64((wait + time.Millisecond - 1) / time.Millisecond)
}
