# The shipped transport: its contract on real sockets, and its parts.
zkq_test(grpc_transport_test
  SOURCES grpc_contract_world.cc grpc_ports.cc transport_contract.cc contract_peer.cc
  PARTS zkq_transport zkq_base
  LABELS grpc)
