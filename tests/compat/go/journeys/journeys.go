// Package journeys holds what both Go clients say and how they are asked; tests/compat/journeys.py tells the form.
package journeys

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"sync"
	"time"
)

const (
	SecondsMax = 40 * time.Second
	Partitions = 4
)

// Record is [offset, key, value, header, timestamp].
type Record [5]any

type Seen map[string]any

// Journey gets bootstrap, topic and the option, or "".
type Journey func(bootstrap, topic, option string) Seen

func Main(all map[string]Journey) {
	option := ""
	if len(os.Args) > 4 {
		option = os.Args[4]
	}
	seen := all[os.Args[1]](os.Args[2], os.Args[3], option)
	line, err := json.Marshal(seen)
	Check(err)
	fmt.Println(string(line))
}

func Check(err error) {
	if err != nil {
		panic(err)
	}
}

func Until(what string, ready func() bool) {
	for deadline := time.Now().Add(SecondsMax); !ready(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			panic("gave up waiting until " + what)
		}
	}
}

// Values is what members of a group read, in the order of arrival.
type Values struct {
	mutex sync.Mutex
	all   []string
}

func (v *Values) Add(value string) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.all = append(v.all, value)
}

func (v *Values) All() []string {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	return append([]string{}, v.all...)
}

// Share is the partitions that a member holds.
type Share struct {
	mutex sync.Mutex
	held  map[int32]bool
}

func (s *Share) Change(add, remove []int32) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.held == nil {
		s.held = map[int32]bool{}
	}
	for _, partition := range remove {
		delete(s.held, partition)
	}
	for _, partition := range add {
		s.held[partition] = true
	}
}

func (s *Share) Sorted() []int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	held := []int{}
	for partition := range s.held {
		held = append(held, int(partition))
	}
	sort.Ints(held)
	return held
}

// Member reads and commits until it leaves.
type Member interface {
	Share() []int
	Leave()
}

// Group is the journey through a rebalance, told once for both clients.
func Group(values *Values, join func() Member, produce func(from, to int)) Seen {
	first := join()
	produce(0, 20)
	Until("20 records are read", func() bool { return len(values.All()) >= 20 })
	alone := first.Share()
	second := join()
	Until("both hold two", func() bool { return len(first.Share()) == 2 && len(second.Share()) == 2 })
	shared := [][]int{first.Share(), second.Share()}
	produce(20, 40)
	Until("40 records are read", func() bool { return len(values.All()) >= 40 })
	second.Leave()
	Until("one holds all", func() bool { return len(first.Share()) == Partitions })
	after := first.Share()
	produce(40, 60)
	Until("60 records are read", func() bool { return len(values.All()) >= 60 })
	first.Leave()
	return Seen{"alone": alone, "shared": shared, "after_leave": after, "values": values.All()}
}
