package vault

import (
	"strconv"

	"reconnect.example/internal/seal"
)

// Record keys. Every key of a vault begins with its id, so that a store can be
// split by range; only login/…, svc/…, due/… and unseen/… do not.
//
//	V/h/o V/h/s V/h/p V/h/j   heads: owner, shared, private, journal
//	V/h/stop                  who helps the person has ended their sessions
//	V/k/o V/k/s V/k/p         keyrings
//	V/k/w                     wrapping key of the keyslots, under the key service
//	V/s/<slot>                keyslots
//	V/n/<session>             sessions
//	V/x/<o|s|p>/<page>        index pages
//	V/i/<item>                items (the key does not say in which compartment)
//	V/u/<item>                uploads that go on, each by the id that its document will have
//	V/o/<paper>               Owner papers: consent, login, receipts
//	V/g/<grant>               grants
//	V/in/f/<note> V/in/v/<note>  notes to a relay, to a worker (package consent)
//	V/at/<session>            in the space of a worker: what a session has open (package consent)
//	V/ln/<link> V/h/u         links, and how often they were used (link_record.go)
//	V/in/<s|p>/<line>         deposits that wait to be taken in
//	V/m/<relay>               in the space of a worker: their membership of a relay (package consent)
//	V/j/<number>              journal
//	V/wish V/died             the person's wish, and a death that was recorded (wish.go, died.go)
//	V/remind V/re/<tag>       consent to reminders, and the reminders (remind_record.go)
//	V/tr                      what moves here from another operator (transfer_record.go)
//	V/seen                    month of the last sign-in
//	V/mv                      the one move in progress
//	V/back                    put back from a backup; no sign-in since with the witness there
//	V/new                     a creation that nobody has acknowledged yet
//	V/q V/q/r/<reservation>   quota (package quota)
//	link/<link>               which vault a link leads to (link_record.go)
//	unseen/<V>                not seen for long (unseen.go)
//	svc/keys svc/hold svc/restoring   the service's own (servicekeys.go, stored.go)
func (id ID) key(parts string) string { return id.String() + "/" + parts }

func (id ID) item(i ItemID) string       { return id.key("i/" + i.String()) }
func (id ID) upload(i ItemID) string     { return id.key("u/" + i.String()) }
func (id ID) session(s SessionID) string { return id.key("n/" + s.String()) }
func (id ID) slot(s [16]byte) string     { return id.key("s/" + idText.EncodeToString(s[:])) }
func (id ID) paper(p [16]byte) string    { return id.key("o/" + idText.EncodeToString(p[:])) }
func (id ID) head(c Compartment) string  { return id.key("h/" + c.letter()) }
func (id ID) keyring(c Compartment) string {
	return id.key("k/" + c.letter())
}
func (id ID) page(c Compartment, n int) string {
	return id.key("x/" + c.letter() + "/" + strconv.Itoa(n))
}
func (id ID) entry(n uint64) string { return id.key("j/" + fixed(n)) }

func (c Compartment) letter() string {
	switch c {
	case Owner:
		return "o"
	case Shared:
		return "s"
	}
	return "p"
}

// fixed writes a number in 16 hexadecimal digits, so that keys sort by number.
func fixed(n uint64) string {
	s := strconv.FormatUint(n, 16)
	return "0000000000000000"[len(s):] + s
}

// bind is the associated data of a record of this vault.
func (id ID) bind(t seal.Type, c Compartment, generation uint64, object []byte, revision uint64) seal.Context {
	return seal.Context{Type: t, Vault: id, Compartment: c.seal(), Generation: generation, Object: object, Revision: revision}
}
