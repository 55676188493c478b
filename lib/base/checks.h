// Invariants that only a bug can break, checked in release builds too, without
// taking the host down: the first violation is recorded in the sticky Invariants
// of whoever owns the state, and the function that found it returns. The owner
// then stops its replica (DESIGN §3 rule 5).
#pragma once

namespace zkq {

class Invariants {
 public:
  bool ok() const { return what_ == nullptr; }
  // The first violated condition, with file and line; null while ok().
  const char* what() const { return what_; }
  void Fail(const char* what) {
    if (what_ == nullptr) what_ = what;
  }

 private:
  const char* what_ = nullptr;
};

}  // namespace zkq

#define ZKQ_CHECK_STRING_(x) #x
#define ZKQ_CHECK_LINE_(x) ZKQ_CHECK_STRING_(x)
// Needs an accessor `invariants()` in scope that returns Invariants&. A function
// that returns a value uses ZKQ_CHECK(condition, value).
#define ZKQ_CHECK(condition, ...)                                               \
  do {                                                                          \
    if (!(condition)) {                                                         \
      invariants().Fail(#condition " at " __FILE__ ":" ZKQ_CHECK_LINE_(__LINE__)); \
      return __VA_ARGS__;                                                       \
    }                                                                           \
  } while (false)
