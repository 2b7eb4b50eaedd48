package recovery

import (
	"math"
	"slices"
	"strings"
)

// Picture is one of those of which a sequence may serve as an answer.
type Picture struct{ Name, Glyph string }

// Pictures are all of them, always in this order: things that everybody knows, wherever
// they come from, and that nobody is put off by. What they are called in a language,
// pages say. Names are never changed: they are what is derived from.
func Pictures() []Picture {
	fields := strings.Fields(pictures)
	all := make([]Picture, 0, len(fields)/2)
	for pair := range slices.Chunk(fields, 2) {
		all = append(all, Picture{Name: pair[0], Glyph: pair[1]})
	}
	return all
}

const pictures = `
	sun ☀️ moon 🌙 star ⭐ cloud ☁️ rain 🌧️ snow ❄️ fire 🔥 wave 🌊
	tree 🌳 palm 🌴 cactus 🌵 flower 🌻 rose 🌹 leaf 🍁 mushroom 🍄 mountain ⛰️
	cat 🐱 horse 🐴 cow 🐮 sheep 🐑 camel 🐪 elephant 🐘 lion 🦁 rabbit 🐰
	bird 🐦 rooster 🐓 duck 🦆 owl 🦉 fish 🐟 turtle 🐢 crab 🦀 butterfly 🦋
	bee 🐝 ant 🐜 frog 🐸 snail 🐌 apple 🍎 banana 🍌 lemon 🍋 grapes 🍇
	carrot 🥕 tomato 🍅 bread 🍞 egg 🥚 cheese 🧀 teapot 🫖 spoon 🥄 key 🔑
	house 🏠 door 🚪 chair 🪑 bed 🛏️ lamp 💡 clock ⏰ book 📖 pencil ✏️
	scissors ✂️ hammer 🔨 umbrella ☂️ shoe 👟 hat 🎩 glasses 👓 bicycle 🚲 boat ⛵`

// pictureNamed returns the name of a picture that was named or is its glyph; "" if there
// is none.
func pictureNamed(name string) string {
	if i := picturePlace(name); i >= 0 {
		return Pictures()[i].Name
	}
	return ""
}

func picturePlace(name string) int {
	name = strings.TrimSpace(name)
	return slices.IndexFunc(Pictures(), func(p Picture) bool { return p.Name == name || p.Glyph == name })
}

// pictureBits is what a sequence is worth.
func pictureBits(names []string) (bits float64) {
	before := map[int]bool{}
	last := -2
	for _, name := range names {
		place := picturePlace(name)
		if place >= 0 && !before[place] && place != last+1 && place != last-1 {
			bits += math.Log2(float64(len(Pictures())))
		}
		before[place], last = true, place
	}
	return bits
}
