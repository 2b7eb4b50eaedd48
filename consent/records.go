package consent

import (
	"reconnect.example/internal/seal"
	"reconnect.example/vault"
)

// The records of this package besides the directory, R being a relay's space, W a
// worker's and V a person's:
//
//	W/m/<relay>             what the worker is at a relay: CBOR of membership. It opens nothing
//	R/ask/<worker>          a worker asks to be let in: boxed to the relay's inbox
//	R/invited/<hash>        what is written on an invitation: boxed to the relay's inbox
//	V/g/<grant>             a grant, as package vault keeps it
//	svc/invitation/<hash>   an invitation, by the digest of its code
//	svc/invited/<relay>     how many of them the relay has: CBOR of invitedRecord
func memberKey(worker vault.ID, relay RelayID) string {
	return worker.String() + "/m/" + relay.String()
}

func memberPrefix(worker vault.ID) string { return worker.String() + "/m/" }

func askKey(relay RelayID, worker vault.ID) string { return askPrefix(relay) + worker.String() }

func askPrefix(relay RelayID) string { return relay.String() + "/ask/" }

func grantKey(id vault.ID, grant vault.GrantID) string { return id.String() + "/g/" + grant.String() }

// form says what a piece of data is that this package keeps about a relay's team
// (vault.KindData): its first byte, which no CBOR map begins with. A value is never
// reused.
type form byte

const (
	formProfile   form = 1 // in a worker's space: who they are
	formFounding  form = 2 // in a manager's space: a relay that is being founded
	formInbox     form = 3 // in a relay's Shared: an inbox key; grants may still lie under it
	formSuspended form = 4 // in a relay's Private: a worker who may come back
	formAsked     form = 9 // in a worker's space: a relay that they asked to let them in; 5 to 8: see roster.go, attest_key.go
)

func (f form) pack(v any) ([]byte, error) {
	body, err := seal.Marshal(v)
	return append([]byte{byte(f)}, body...), err
}

// is reports whether data is of this form.
func (f form) is(data []byte) bool { return len(data) > 0 && data[0] == byte(f) }

func (f form) unpack(data []byte, v any) error {
	if !f.is(data) || seal.Unmarshal(data[1:], v) != nil {
		return tampered("data of form %d", f)
	}
	return nil
}
