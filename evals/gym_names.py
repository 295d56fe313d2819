"""The generators of reasoning-gym, as data: importing the package itself takes seconds.

How each is scored was decided by looking at its scorer and at 30 of its entries (reasoning-gym 0.1.25). `composite`,
which only mixes others, is left out.
"""

from collections.abc import Mapping

GOLD: Mapping[str, str] = {
    "number": """aiw basic_arithmetic binary_alternation chain_sum circuit_logic count_bits count_primes
        decimal_chain_sum gcd gsm_symbolic largest_island lcm leg_counting letter_counting maze number_format
        number_sequence products rectangle_count rotten_oranges self_reference simple_equations simple_geometry""",
    "boolean": "course_schedule game_of_life_halting isomorphic_strings ransom_note syllogism",
    "text": """acre arc_1d base_conversion bf caesar_cipher list_functions mahjong_puzzle modulo_grid number_filtering
        rotate_matrix string_manipulation string_splitting string_synthesis word_sequence_reversal""",
}
"""By answer kind, the generators whose entries have one right answer."""

VERIFIED: Mapping[str, str] = {
    "number": "coin_flip decimal_arithmetic power_function",
    "text": """ab advanced_geometry arc_agi binary_matrix bitwise_arithmetic boxnet calendar_arithmetic codeio
        color_cube_rotation complex_arithmetic countdown cryptarithm dice emoji_mystery family_relationships figlet_font
        fraction_simplification futoshiki game_of_life graph_color group_anagrams intermediate_integration jugs kakurasu
        knight_swap knights_knaves letter_jumble manipulate_matrix mini_sudoku n_queens needle_haystack number_sorting
        palindrome_generation palindrome_partitioning path_star polynomial_equations polynomial_multiplication
        pool_matrix prime_factorization propositional_logic puzzle24 quantum_lock rearc rubiks_cube rush_hour
        sentence_reordering shortest_path simple_integration sokoban spell_backward spiral_matrix string_insertion
        sudoku survo time_intervals tower_of_hanoi tsumego word_ladder word_sorting zebra_puzzles""",
}
"""By answer kind, the generators whose entries have many right answers, or one within a tolerance: a scorer decides."""

GENERATORS: Mapping[str, tuple[str, bool]] = {
    name: (kind, gold)
    for gold, table in ((True, GOLD), (False, VERIFIED))
    for kind, names in table.items()
    for name in names.split()
}
"""Each generator's answer kind, and whether its entries have a gold."""

HASH_DEPENDENT = frozenset({"isomorphic_strings", "polynomial_multiplication", "ransom_note"})
"""The generators that choose from the members of a set in its own order, and so make other items in each process."""
