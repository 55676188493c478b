// Published: a value that one thread at a time replaces, and that any number of threads read
// without waiting for one another: a reader that is stopped in the middle keeps nobody from
// publishing or reading.
//
// Readers are counted in the word that names the newest value, so to enter takes one atomic
// addition. When a value is replaced, those who were inside it are counted over to the value
// itself, and the last of them to leave deletes it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace zkq::runtime {

template <typename T>
class Published {
  // An address has 48 bits on the machines that zkq is built for; above it stand the readers
  // that are inside, fewer than 2^16 threads.
  static_assert(sizeof(void*) == 8);
  static constexpr int kAddressBits = 48;
  static constexpr uint64_t kReader = uint64_t{1} << kAddressBits;

  struct Node {
    T value;
    std::atomic<int64_t> inside{0};  // since it was replaced; before, minus those who left late
  };

 public:
  explicit Published(T value) : word_(WordOf(new Node{std::move(value)})) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;
  ~Published() { delete NodeOf(word_.load()); }  // nobody is inside

  // One at a time.
  void Set(T value) { Retire(word_.exchange(WordOf(new Node{std::move(value)}))); }

  // What use(const T&) returns, of the newest value.
  template <typename Use>
  auto Read(Use use) const {
    const Reader reader(&word_);
    return use(std::as_const(reader.node->value));
  }

 private:
  class Reader {
   public:
    explicit Reader(std::atomic<uint64_t>* word)
        : node(NodeOf(word->fetch_add(kReader, std::memory_order_acquire))), word_(*word) {}
    Reader(const Reader&) = delete;
    ~Reader() {
      uint64_t now = word_.load(std::memory_order_relaxed);
      while (NodeOf(now) == node) {
        if (word_.compare_exchange_weak(now, now - kReader, std::memory_order_release)) return;
      }
      if (node->inside.fetch_sub(1, std::memory_order_acq_rel) == 1) delete node;
    }

    Node* const node;

   private:
    std::atomic<uint64_t>& word_;
  };

  static uint64_t WordOf(Node* node) { return reinterpret_cast<uintptr_t>(node); }
  static Node* NodeOf(uint64_t word) { return reinterpret_cast<Node*>(word & (kReader - 1)); }

  static void Retire(uint64_t word) {
    const auto readers = static_cast<int64_t>(word >> kAddressBits);
    Node* const node = NodeOf(word);
    if (node->inside.fetch_add(readers, std::memory_order_acq_rel) == -readers) delete node;
  }

  mutable std::atomic<uint64_t> word_;
};

}  // namespace zkq::runtime
