package api

import (
	"context"
	"errors"
	"net/http"

	"reconnect.example/vault"
)

// OneItem is the address of an item.
type OneItem struct {
	ID string `path:"item" doc:"Id of the item."`
}

// ThisRevision is an item at a revision that the caller has seen.
type ThisRevision struct {
	OneItem
	IfMatch string `header:"If-Match" doc:"The ETag of the revision that you have read, such as \"7\" with its quotes. Without it the request is refused, so that nobody overwrites what they have not seen."`
}

func (in *ThisRevision) seen() (vault.ItemID, uint64, error) {
	revision, err := wantedRevision(in.IfMatch)
	if err != nil {
		return vault.ItemID{}, 0, err
	}
	id, err := itemID(in.ID)
	return id, revision, err
}

type itemOutput struct {
	ETag string `header:"ETag" doc:"The revision, for If-Match."`
	Body Item
}

func itemAnswer(i vault.Item, err error) (*itemOutput, error) {
	if err != nil {
		return nil, err
	}
	return &itemOutput{ETag: etag(i.Revision), Body: itemJSON(i)}, nil
}

type getItemInput struct {
	OneItem
	Unless
}

type getItemOutput struct {
	Status int
	ETag   string `header:"ETag" doc:"The revision, for If-Match."`
	Body   Item
}

func getItem(ctx context.Context, v *vault.Vault, in *getItemInput) (*getItemOutput, error) {
	id, err := itemID(in.ID)
	if err != nil {
		return nil, err
	}
	i, err := v.Item(ctx, id)
	if err != nil {
		return nil, err
	}
	tag := etag(i.Revision)
	return &getItemOutput{in.status(tag), tag, itemJSON(i)}, nil
}

type listInput struct {
	Kind        string `query:"kind" enum:"document,folder,contact,appointment,note" doc:"Only items of this kind."`
	Compartment string `query:"compartment" enum:"private,shared" doc:"Only items of this compartment."`
	Folder      string `query:"folder" doc:"Only items in the folder of this id; \"top\" for those in none."`
	Binned      bool   `query:"binned" doc:"true: what lies in the bin instead of what does not."`
	Paged
}

type listOutput struct {
	Body struct {
		Items   []Item   `json:"items" nullable:"false" doc:"In the order of their ids, which stays the same while names change; sort them for showing."`
		Altered []string `json:"altered" nullable:"false" doc:"Ids of items that are on no page because what is stored is missing or not what was written."`
		Next
	}
}

// listItems pages by id, which stays the same while names change.
func listItems(ctx context.Context, v *vault.Vault, in *listInput) (*listOutput, error) {
	if _, err := vault.ParseItemID(in.After); in.After != "" && err != nil {
		return nil, invalid("query.after", "is not what an earlier page returned")
	}
	matches, err := in.filter()
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.Altered = []string{}
	var found []vault.Item
	for item, err := range v.Items(ctx) {
		switch {
		case err != nil && !item.ID.IsZero() && errors.Is(err, vault.ErrTampered):
			out.Body.Altered = append(out.Body.Altered, item.ID.String())
		case err != nil:
			return nil, err
		case matches(item):
			found = append(found, item)
		}
	}
	found, out.Body.Next = page(in.Paged, found, func(i vault.Item) string { return i.ID.String() })
	out.Body.Items = itemsJSON(found)
	return out, nil
}

func (in *listInput) filter() (func(vault.Item) bool, error) {
	compartment, err := compartmentOf(in.Compartment)
	if err != nil {
		return nil, err
	}
	top := in.Folder == "top"
	var folder vault.ItemID
	if !top {
		if folder, err = folderID("query.folder", in.Folder); err != nil {
			return nil, err
		}
	}
	return func(i vault.Item) bool {
		return (in.Kind == "" || i.Kind.String() == in.Kind) &&
			(compartment == vault.Default || i.Compartment == compartment) &&
			(!top || i.Folder.IsZero()) && (folder.IsZero() || i.Folder == folder) &&
			in.Binned == !i.Binned.IsZero()
	}, nil
}

type editInput struct {
	ThisRevision
	Body struct {
		Name        *string      `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"A new name."`
		Folder      *string      `json:"folder,omitempty" doc:"Id of another folder in the same compartment; \"\" for the top."`
		MediaType   *string      `json:"mediaType,omitempty" maxLength:"100" doc:"Documents only."`
		Issued      *string      `json:"issued,omitempty" pattern:"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$" doc:"Documents only; \"\" for none."`
		Expires     *string      `json:"expires,omitempty" pattern:"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$" doc:"Documents only; \"\" for none."`
		Contact     *Contact     `json:"contact,omitempty" doc:"Contacts only; replaces the whole."`
		Appointment *Appointment `json:"appointment,omitempty" doc:"Appointments only; replaces the whole."`
		Note        *Note        `json:"note,omitempty" doc:"Notes only; replaces the whole."`
	}
}

func editItem(ctx context.Context, v *vault.Vault, in *editInput) (*itemOutput, error) {
	id, revision, err := in.seen()
	if err != nil {
		return nil, err
	}
	edit := vault.Edit{Name: in.Body.Name, MediaType: in.Body.MediaType}
	if in.Body.Folder != nil {
		folder, err := folderID("body.folder", *in.Body.Folder)
		if err != nil {
			return nil, err
		}
		edit.Folder = &folder
	}
	edit.Issued, edit.Expires = (*vault.Date)(in.Body.Issued), (*vault.Date)(in.Body.Expires)
	if c := in.Body.Contact; c != nil {
		contact := c.vault()
		edit.Contact = &contact
	}
	if a := in.Body.Appointment; a != nil {
		appointment := a.vault()
		edit.Appointment = &appointment
	}
	if n := in.Body.Note; n != nil {
		note := n.vault()
		edit.Note = &note
	}
	if edit == (vault.Edit{}) {
		return nil, invalid("body", "names nothing to change")
	}
	return itemAnswer(v.Edit(ctx, id, revision, edit))
}

type moveInput struct {
	ThisRevision
	Body struct {
		Compartment string `json:"compartment" enum:"private,shared" doc:"Where it shall lie."`
	}
}

func moveItem(ctx context.Context, v *vault.Vault, in *moveInput) (*itemOutput, error) {
	id, revision, err := in.seen()
	if err != nil {
		return nil, err
	}
	to, err := compartmentOf(in.Body.Compartment)
	if err != nil {
		return nil, err
	}
	return itemAnswer(v.Move(ctx, id, revision, to))
}

func binItem(ctx context.Context, v *vault.Vault, in *ThisRevision) (*itemOutput, error) {
	id, revision, err := in.seen()
	if err != nil {
		return nil, err
	}
	return itemAnswer(v.Bin(ctx, id, revision))
}

func restoreItem(ctx context.Context, v *vault.Vault, in *ThisRevision) (*itemOutput, error) {
	id, revision, err := in.seen()
	if err != nil {
		return nil, err
	}
	return itemAnswer(v.Restore(ctx, id, revision))
}

func destroyItem(ctx context.Context, v *vault.Vault, in *ThisRevision) (*struct{}, error) {
	id, revision, err := in.seen()
	if err != nil {
		return nil, err
	}
	return nil, v.Destroy(ctx, id, revision)
}

func (a *API) addItems() {
	register(a, operation{
		method: http.MethodGet, path: "/items", id: "list-items", tag: "Items", summary: "List items",
		description: "One page of what this session reaches. Every page is a line in the person's journal.",
		problems:    []string{"invalid"},
	}, listItems)
	register(a, operation{
		method: http.MethodGet, path: "/items/{item}", id: "get-item", tagged: true, tag: "Items", summary: "Read an item",
		description: "For a document: what is known of it; the bytes are at /documents/{item}/content.",
		problems:    []string{"not-found"},
	}, getItem)
	register(a, operation{
		method: http.MethodPatch, path: "/items/{item}", id: "edit-item", tag: "Items", summary: "Change an item", ifMatch: true,
		description: "What the body does not name stays as it is.",
		problems:    []string{"not-found", "media-type", "too-large", "full"},
	}, editItem)
	register(a, operation{
		method: http.MethodPost, path: "/items/{item}/move", id: "move-item", tag: "Items", summary: "Make an item private or shared", ifMatch: true,
		description: "Encrypts the item anew under the keys of the other compartment. It takes the folder of the same name there.",
		problems:    []string{"not-found", "media-type", "too-large", "full", "busy-moving", "not-empty"},
	}, moveItem)
	register(a, operation{
		method: http.MethodPost, path: "/items/{item}/bin", id: "bin-item", tag: "Items", summary: "Put an item in the bin", ifMatch: true,
		description: "It is destroyed thirty days later, at the next sign-in.",
		problems:    []string{"not-found", "not-empty"},
	}, binItem)
	register(a, operation{
		method: http.MethodPost, path: "/items/{item}/restore", id: "restore-item", tag: "Items", summary: "Take an item out of the bin", ifMatch: true,
		description: "It lies at the top if its folder is gone.",
		problems:    []string{"not-found"},
	}, restoreItem)
	register(a, operation{
		method: http.MethodDelete, path: "/items/{item}", id: "destroy-item", tag: "Items", summary: "Destroy an item for good", ifMatch: true,
		description: "Its keys are destroyed at once, its bytes soon after; the space is free at once. A folder must be empty." + lateSecret,
		status:      http.StatusNoContent, problems: []string{"not-found", "not-empty", "secret-again"},
	}, lately(destroyItem))
}
