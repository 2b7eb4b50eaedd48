package api

import (
	"context"
	"net/http"

	"reconnect.example/vault"
)

// NewItem is what every new item is given besides what it is.
type NewItem struct {
	Name        string `json:"name" minLength:"1" maxLength:"200" doc:"How the person calls it."`
	Compartment string `json:"compartment,omitempty" enum:"private,shared" doc:"Missing: private for the person, or as their own rule says."`
	Folder      string `json:"folder,omitempty" doc:"Id of a folder in the same compartment; missing: the top."`
}

func (n *NewItem) place() (vault.Place, error) {
	compartment, err := compartmentOf(n.Compartment)
	if err != nil {
		return vault.Place{}, err
	}
	folder, err := folderID("body.folder", n.Folder)
	return vault.Place{Compartment: compartment, Folder: folder, Channel: channel}, err
}

type createdOutput struct {
	Location string `header:"Location" doc:"Address of the new item."`
	ETag     string `header:"ETag" doc:"The revision, for If-Match."`
	Body     Item
}

func created(i vault.Item, err error) (*createdOutput, error) {
	if err != nil {
		return nil, err
	}
	return &createdOutput{Location: itemAddress(i.ID), ETag: etag(i.Revision), Body: itemJSON(i)}, nil
}

func itemAddress(id vault.ItemID) string { return Path + "/items/" + id.String() }

type folderInput struct {
	Body struct {
		Name        string `json:"name" minLength:"1" maxLength:"200" doc:"How the person calls it."`
		Compartment string `json:"compartment,omitempty" enum:"private,shared" doc:"Missing: private for the person, or as their own rule says."`
	}
}

func addFolder(ctx context.Context, v *vault.Vault, in *folderInput) (*createdOutput, error) {
	compartment, err := compartmentOf(in.Body.Compartment)
	if err != nil {
		return nil, err
	}
	return created(v.AddFolder(ctx, in.Body.Name, vault.Place{Compartment: compartment, Channel: channel}))
}

type contactInput struct {
	Body struct {
		NewItem
		Contact Contact `json:"contact" doc:"Somebody to reach."`
	}
}

func addContact(ctx context.Context, v *vault.Vault, in *contactInput) (*createdOutput, error) {
	place, err := in.Body.place()
	if err != nil {
		return nil, err
	}
	return created(v.AddContact(ctx, in.Body.Name, in.Body.Contact.vault(), place))
}

type appointmentInput struct {
	Body struct {
		NewItem
		Appointment Appointment `json:"appointment" doc:"A meeting at a place."`
	}
}

func addAppointment(ctx context.Context, v *vault.Vault, in *appointmentInput) (*createdOutput, error) {
	place, err := in.Body.place()
	if err != nil {
		return nil, err
	}
	return created(v.AddAppointment(ctx, in.Body.Name, in.Body.Appointment.vault(), place))
}

type noteInput struct {
	Body struct {
		NewItem
		Note Note `json:"note" doc:"A text of the person's own."`
	}
}

func addNote(ctx context.Context, v *vault.Vault, in *noteInput) (*createdOutput, error) {
	place, err := in.Body.place()
	if err != nil {
		return nil, err
	}
	return created(v.AddNote(ctx, in.Body.Name, in.Body.Note.vault(), place))
}

func (a *API) addCreations() {
	creates := func(path, id, summary string) operation {
		return operation{
			method: http.MethodPost, path: path, id: id, tag: "Items", summary: summary, status: http.StatusCreated,
			description: "After a lost answer, send it again with the same Idempotency-Key.",
			problems:    []string{"invalid", "media-type", "too-large", "full", "too-many", "closing"},
		}
	}
	register(a, creates("/folders", "add-folder", "Add a folder"), addFolder)
	register(a, creates("/contacts", "add-contact", "Add a contact"), addContact)
	register(a, creates("/appointments", "add-appointment", "Add an appointment"), addAppointment)
	register(a, creates("/notes", "add-note", "Add a note"), addNote)
}
