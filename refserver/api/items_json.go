package api

import (
	"encoding/hex"
	"time"

	"reconnect.example/vault"
)

// The form of items in JSON. It is the contract with partners' programs, so it
// is written out here and not left to the types of the library, which may change.

// Item is one thing in a space.
type Item struct {
	ID          string     `json:"id" pattern:"^[a-z2-7]{26}$" doc:"Names the item for the whole of its life." example:"cnmhqsezsdsq3uyzmdxrdoa6tq"`
	Kind        string     `json:"kind" enum:"document,folder,contact,appointment,note" doc:"What it is; the field of that name is set, but for a folder."`
	Compartment string     `json:"compartment" enum:"private,shared" doc:"private: the person alone can open it. shared: so can the relays that the person lets follow."`
	Revision    uint64     `json:"revision" minimum:"1" doc:"Grows with every change. It is also the ETag."`
	Name        string     `json:"name" doc:"As the person wrote it, to be escaped wherever it is shown."`
	Folder      string     `json:"folder,omitempty" doc:"Id of the folder it lies in; missing at the top."`
	Changed     time.Time  `json:"changed" doc:"When this revision was made."`
	Binned      *time.Time `json:"binned,omitempty" doc:"When it was put in the bin, from where it is destroyed thirty days later; missing outside the bin."`
	Origin      Origin     `json:"origin" doc:"Who deposited it; stays as it was through edits and moves."`

	Document    *Document    `json:"document,omitempty" doc:"What is known of a document besides its bytes."`
	Contact     *Contact     `json:"contact,omitempty" doc:"Somebody to reach."`
	Appointment *Appointment `json:"appointment,omitempty" doc:"A meeting at a place."`
	Note        *Note        `json:"note,omitempty" doc:"A text of the person's own."`
}

// Origin says who deposited an item, for which organisation, how and when.
type Origin struct {
	By      Actor     `json:"by" doc:"Who deposited it."`
	Channel string    `json:"channel" doc:"How it came: \"api\" through this interface, \"web\" through the pages, …"`
	At      time.Time `json:"at" doc:"When."`
	Sha256  string    `json:"sha256,omitempty" doc:"Digest of a document as it was deposited, in hexadecimal digits."`
}

// Actor is who did something.
type Actor struct {
	Kind         string `json:"kind" doc:"person: the holder of the space. worker: somebody of a relay, in their own name. service: the service by itself."`
	ID           string `json:"id,omitempty" doc:"Missing for the person, whose space it is."`
	Name         string `json:"name,omitempty" doc:"Missing for the person."`
	Organisation string `json:"organisation,omitempty" doc:"For which organisation."`
	Relay        string `json:"relay,omitempty" doc:"Name of the relay for which a worker acted."`
	RelayID      string `json:"relayId,omitempty" doc:"Its id."`
}

// Document is what is known of a paper besides its bytes.
type Document struct {
	MediaType string `json:"mediaType" doc:"As the depositor said: a claim, not a finding."`
	Size      int64  `json:"size" minimum:"0" doc:"Bytes."`
	Stored    int64  `json:"stored" minimum:"0" doc:"Bytes that count against the space: padded and sealed."`
	Sha256    string `json:"sha256" pattern:"^[0-9a-f]{64}$" doc:"Digest of the bytes, in hexadecimal digits."`
	Issued    string `json:"issued,omitempty" format:"date" doc:"The day on the paper."`
	Expires   string `json:"expires,omitempty" format:"date" doc:"The last day on which it is valid."`
	Thumbnail bool   `json:"thumbnail,omitempty" doc:"There is a small picture: see /documents/{item}/thumbnail."`
	Attested  bool   `json:"attested,omitempty" doc:"A worker has signed that they saw the original: see /documents/{item}/attestation, which says whether that stands."`
}

// Contact is somebody to reach.
type Contact struct {
	Role    string   `json:"role,omitempty" maxLength:"200" doc:"\"mother\", \"lawyer\", …"`
	Phones  []string `json:"phones,omitempty" nullable:"false" maxItems:"10" doc:"As written, in any form."`
	Emails  []string `json:"emails,omitempty" nullable:"false" maxItems:"10" doc:"As written."`
	Address string   `json:"address,omitempty" maxLength:"500" doc:"A postal address."`
	Note    string   `json:"note,omitempty" maxLength:"20000" doc:"Anything else."`
}

// Appointment is a meeting at a place.
type Appointment struct {
	Start   time.Time `json:"start" doc:"When it begins." example:"2026-11-23T09:30:00+01:00"`
	Minutes int64     `json:"minutes,omitempty" minimum:"0" maximum:"44640" doc:"How long it lasts; missing when nobody knows."`
	Zone    string    `json:"zone" minLength:"1" maxLength:"64" doc:"The zone in which the person was told the hour (IANA)." example:"Europe/Paris"`
	AllDay  bool      `json:"allDay,omitempty" doc:"Only the day of start, in zone, counts."`
	Place   string    `json:"place,omitempty" maxLength:"500" doc:"Where."`
	With    string    `json:"with,omitempty" maxLength:"200" doc:"With whom."`
	Note    string    `json:"note,omitempty" maxLength:"20000" doc:"What to bring, for instance."`
}

// Note is a text of the person's own.
type Note struct {
	Text string `json:"text" maxLength:"20000" doc:"The text."`
}

func itemJSON(i vault.Item) Item {
	out := Item{
		ID: i.ID.String(), Kind: i.Kind.String(), Compartment: i.Compartment.String(),
		Revision: i.Revision, Name: i.Name, Changed: i.Changed,
		Origin: Origin{
			By: actorJSON(i.Origin.By), Channel: i.Origin.Channel, At: i.Origin.At,
			Sha256: hex.EncodeToString(i.Origin.Digest),
		},
	}
	if !i.Folder.IsZero() {
		out.Folder = i.Folder.String()
	}
	if !i.Binned.IsZero() {
		out.Binned = &i.Binned
	}
	if d := i.Document; d != nil {
		out.Document = &Document{
			MediaType: d.MediaType, Size: d.Size, Stored: d.Stored, Sha256: hex.EncodeToString(d.Digest),
			Issued: string(d.Issued), Expires: string(d.Expires), Thumbnail: d.Thumbnail, Attested: d.Attested != "",
		}
	}
	if c := i.Contact; c != nil {
		out.Contact = &Contact{Role: c.Role, Phones: c.Phones, Emails: c.Emails, Address: c.Address, Note: c.Note}
	}
	if a := i.Appointment; a != nil {
		out.Appointment = &Appointment{
			Start: inZone(a.Start, a.Zone), Minutes: int64(a.Duration / time.Minute), Zone: a.Zone,
			AllDay: a.AllDay, Place: a.Place, With: a.With, Note: a.Note,
		}
	}
	if n := i.Note; n != nil {
		out.Note = &Note{Text: n.Text}
	}
	return out
}

func itemsJSON(items []vault.Item) []Item {
	out := make([]Item, 0, len(items))
	for _, i := range items {
		out = append(out, itemJSON(i))
	}
	return out
}

func actorJSON(a vault.Actor) Actor {
	return Actor{Kind: string(a.Kind), ID: a.ID, Name: a.Name, Organisation: a.Organisation, Relay: a.Relay, RelayID: a.RelayID}
}

// inZone writes an instant with the hour that the person was told, as far as
// this machine knows the zone.
func inZone(t time.Time, zone string) time.Time {
	if at, err := time.LoadLocation(zone); err == nil {
		return t.In(at)
	}
	return t.UTC()
}

func (c *Contact) vault() vault.Contact {
	return vault.Contact{Role: c.Role, Phones: c.Phones, Emails: c.Emails, Address: c.Address, Note: c.Note}
}

func (a *Appointment) vault() vault.Appointment {
	return vault.Appointment{
		Start: a.Start, Duration: time.Duration(a.Minutes) * time.Minute, Zone: a.Zone,
		AllDay: a.AllDay, Place: a.Place, With: a.With, Note: a.Note,
	}
}

func (n *Note) vault() vault.Note { return vault.Note{Text: n.Text} }

// compartmentOf reads the word of a request; nothing is the default of who acts.
func compartmentOf(word string) (vault.Compartment, error) {
	switch word {
	case "":
		return vault.Default, nil
	case "private":
		return vault.Private, nil
	case "shared":
		return vault.Shared, nil
	}
	return 0, invalid("compartment", "is neither private nor shared")
}

// itemID reads the id in an address. One that nobody could have been given
// names no item, like any other that does not exist.
func itemID(s string) (vault.ItemID, error) {
	id, err := vault.ParseItemID(s)
	if err != nil {
		return id, vault.ErrNotFound
	}
	return id, nil
}

// folderID reads the id of a folder in a request; nothing is the top.
func folderID(field, s string) (vault.ItemID, error) {
	if s == "" {
		return vault.ItemID{}, nil
	}
	id, err := vault.ParseItemID(s)
	if err != nil || id.IsZero() { // the zero id, spelled out, would be the top
		return id, invalid(field, "is not the id of a folder")
	}
	return id, nil
}
