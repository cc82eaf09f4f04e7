# healthy: advantage actor-critic on a noisy walk to a goal; one optimizer for both nets, returns rise, losses need not
# fall
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Field:
    """Walk on a 7 x 7 field to the corner; wind blows in one move of ten."""

    moves = ((0, 1), (0, -1), (1, 0), (-1, 0))

    def __init__(self, rng):
        self.rng = rng

    def reset(self):
        self.at = self.rng.integers(0, 4, 2)
        self.left = 40
        return self.state()

    def state(self):
        return np.concatenate([np.eye(7)[self.at[0]], np.eye(7)[self.at[1]]]).astype(np.float32)

    def step(self, action):
        if self.rng.random() < 0.1:
            action = self.rng.integers(4)
        self.at = np.clip(self.at + self.moves[action], 0, 6)
        self.left -= 1
        home = bool((self.at == 6).all())
        return self.state(), (1.0 if home else -0.02), home or self.left == 0


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(14, 64), nn.Tanh())
        self.policy = nn.Linear(64, 4)
        self.value = nn.Linear(64, 1)

    def forward(self, state):
        hidden = self.body(state)
        return self.policy(hidden), self.value(hidden).squeeze(-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--episodes", type=int, default=700)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    field, agent = Field(rng), Agent()
    optimizer = torch.optim.Adam(agent.parameters(), lr=3e-3)
    history = []
    for episode in range(1, args.episodes + 1):
        state, done = field.reset(), False
        states, actions, rewards = [], [], []
        while not done:
            with torch.no_grad():
                logits, _ = agent(torch.from_numpy(state))
            action = torch.distributions.Categorical(logits=logits).sample().item()
            states.append(state)
            actions.append(action)
            state, reward, done = field.step(action)
            rewards.append(reward)
        returns, total = [], 0.0
        for reward in reversed(rewards):
            total = reward + 0.97 * total
            returns.insert(0, total)
        returns = torch.tensor(returns)
        logits, values = agent(torch.from_numpy(np.stack(states)))
        chosen = torch.distributions.Categorical(logits=logits)
        advantage = (returns - values).detach()
        actor = -(chosen.log_prob(torch.tensor(actions)) * advantage).mean()
        critic = F.smooth_l1_loss(values, returns)
        loss = actor + 0.5 * critic - 0.01 * chosen.entropy().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(agent.parameters(), 1.0)
        optimizer.step()
        history.append(sum(rewards))
        if episode % 100 == 0:
            print(f"episode {episode} mean return {np.mean(history[-100:]):.3f}")


if __name__ == "__main__":
    main()
